"""Textured things on noise, as tensors: small scenes whose every fact is known.

A class is a shape together with the direction of its texture, and its color follows from it.
The textures are oriented noise, without a period that could match itself elsewhere.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

CLASSES = 5
HUES = torch.tensor(
    [[0.9, 0.1, 0.0], [0.1, 0.8, 0.1], [0.1, 0.2, 1.0], [0.9, 0.8, 0.1], [0.8, 0.1, 0.9]]
)
THICKNESS = 2.5  # of the frequency band, in cycles an image of 64 pixels


def scenes(count: int, seed: int, size: int = 64, things: int = 3) -> dict[str, Tensor]:
    """Scenes with one to some things each, as a batch of a system.

    Args:
        count: How many, N.
        seed: The same scenes again.
        size: Side of the images, in pixels.
        things: How many there are at most in a scene.
    """
    rng = torch.Generator().manual_seed(seed)
    image = _background(count, size, rng)
    mask = torch.zeros(count, size, size, dtype=torch.int64)
    for thing in range(things):
        label = torch.randint(CLASSES, (count,), generator=rng)
        inside = _shape(label, size, rng)
        if thing:
            inside &= (torch.rand(count, generator=rng) < 0.5).view(-1, 1, 1)
        skin = _skin(label, size, rng)
        image = torch.where(inside.unsqueeze(1), skin, image)
        mask = torch.where(inside, 1 + label.view(-1, 1, 1), mask)
    shown = (mask.unsqueeze(1) == torch.arange(1, CLASSES + 1).view(1, -1, 1, 1)).flatten(2)
    return {"image": image, "mask": mask, "tags": shown.any(dim=2).float()}


def seen_textures(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The class of the objects' textures, by their mean structure tensor.

    Args:
        image: (N, 3, H, W), the image to score.
        mask: (N, H, W), where the things should be.

    Returns:
        The true and the seen classes of all things of at least 60 pixels, from 0.
    """
    gray = image.mean(dim=1)
    down = gray[:, 2:, 1:-1] - gray[:, :-2, 1:-1]
    right = gray[:, 1:-1, 2:] - gray[:, 1:-1, :-2]
    # Twice the angle, so that opposite directions agree.
    doubled = torch.stack([right**2 - down**2, 2 * right * down], dim=1)
    true, seen = [], []
    directions = 2 * math.pi * torch.arange(CLASSES) / CLASSES
    for label in range(CLASSES):
        inner = pad((mask == label + 1).float(), (1, 1, 1, 1))
        inner = (avg_pool2d(inner.unsqueeze(1), 3, 1)[:, :, 1:-1, 1:-1] > 0.99).float()
        mean = (doubled * inner).sum(dim=(2, 3))
        angle = torch.atan2(mean[:, 1], mean[:, 0])
        nearest = torch.cos(angle.unsqueeze(1) - directions).argmax(dim=1)
        enough = inner.sum(dim=(1, 2, 3)) >= 60
        seen.append(nearest[enough])
        true.append(torch.full_like(seen[-1], label))
    return torch.cat(true), torch.cat(seen)


def seen_colors(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The class of the objects' mean color, see :func:`seen_textures`."""
    inside = mask.unsqueeze(1) == torch.arange(1, CLASSES + 1).view(1, -1, 1, 1)
    area = inside.sum(dim=(2, 3))
    sums = torch.einsum("nchw,nkhw->nkc", (image + 1) / 2, inside.to(image.dtype))
    alike = torch.cosine_similarity(sums.unsqueeze(2), HUES, dim=3)
    enough = area >= 60
    return torch.arange(CLASSES).expand_as(area)[enough], alike.argmax(dim=2)[enough]


def _shape(label: Tensor, size: int, rng: torch.Generator) -> Tensor:
    """A disc, square, triangle, ring or cross for each label: (N, S, S) bool."""
    count = len(label)
    center = size * (0.25 + 0.5 * torch.rand(count, 2, generator=rng))
    radius = (size * (0.17 + 0.12 * torch.rand(count, generator=rng))).view(-1, 1, 1)
    axis = torch.arange(size) + 0.5
    v = (axis.view(1, -1, 1) - center[:, 0].view(-1, 1, 1)) / radius
    u = (axis.view(1, 1, -1) - center[:, 1].view(-1, 1, 1)) / radius
    far = torch.hypot(u, v)
    shapes = torch.stack(
        [
            far < 1,
            torch.maximum(u.abs(), v.abs()) < 0.9,
            torch.maximum(v, 0.87 * u.abs() - v / 2) < 0.6,
            (far < 1.1) & (far > 0.5),
            (torch.minimum(u.abs(), v.abs()) < 0.4) & (torch.maximum(u.abs(), v.abs()) < 1.1),
        ]
    )
    return shapes[label, torch.arange(count)]


def _skin(label: Tensor, size: int, rng: torch.Generator) -> Tensor:
    """Oriented noise in the label's color: (N, 3, S, S) in [-1, 1]."""
    spectrum = torch.fft.rfft2(torch.randn(len(label), size, size, generator=rng))
    fy = torch.fft.fftfreq(size, 1 / 64).view(1, -1, 1)
    fx = torch.fft.rfftfreq(size, 1 / 64).view(1, 1, -1)
    angle = (math.pi * label / CLASSES).view(-1, 1, 1)
    along = torch.cos(angle) * fx + torch.sin(angle) * fy
    across = torch.cos(angle) * fy - torch.sin(angle) * fx
    band = torch.exp(-(((along.abs() - 10) / (2 * THICKNESS)) ** 2) - (across / THICKNESS) ** 2)
    waves = torch.fft.irfft2(spectrum * band, (size, size))
    waves = waves / waves.std(dim=(1, 2), keepdim=True)
    light = (0.6 + 0.3 * waves).clamp(0.05, 1.0).unsqueeze(1)
    return 2 * light * HUES[label].view(-1, 3, 1, 1) - 1


def _background(count: int, size: int, rng: torch.Generator) -> Tensor:
    """Gray noise of all directions: (N, 3, S, S) in [-1, 1]."""
    spectrum = torch.fft.rfft2(torch.randn(count, size, size, generator=rng))
    fy = torch.fft.fftfreq(size, 1 / 64).view(1, -1, 1)
    fx = torch.fft.rfftfreq(size, 1 / 64).view(1, 1, -1)
    waves = torch.fft.irfft2(spectrum / (1 + torch.hypot(fx, fy)) ** 1.2, (size, size))
    waves = waves / waves.std(dim=(1, 2), keepdim=True)
    light = 0.25 * waves + 0.4 * torch.rand(count, 1, 1, generator=rng) - 0.2
    tint = 0.08 * torch.randn(count, 3, 1, 1, generator=rng)
    return (light.unsqueeze(1) + tint).clamp(-1, 1)
