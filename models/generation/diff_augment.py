"""Differentiable augmentation (Zhao et al., NeurIPS 2020, section 3 and its released policy).

A discriminator memorizes a few thousand images when it gets them a hundred times, and then does not
generalize. So it gets real and generated images after random changes alone. Gradients pass through
the changes, and the generator makes unchanged images.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Augmentation = Literal["color", "translation", "cutout"]

SHIFT = 8  # a translation goes up to one 8th of a side
HOLE = 2  # a cutout hides a square of half a side


def color(maps: Tensor, rng: torch.Generator) -> Tensor:
    """Other brightness (by up to 0.5), saturation (0 to 2 times) and contrast (0.5 to 1.5 times).

    Args:
        maps: (N, 3 + P, H, W) float32, images in [-1, 1] and planes of labels.
        rng: Draws the changes of each image.

    Returns:
        The same shape; the planes stay as they are.
    """
    image, planes = maps[:, :3], maps[:, 3:]
    drawn = _uniform(len(maps), 3, rng)[..., None, None, None]
    brightness, saturation, contrast = drawn.unbind(dim=1)
    image = image + (brightness - 0.5)
    gray = image.mean(dim=1, keepdim=True)
    image = gray + (image - gray) * (2 * saturation)
    mean = image.mean(dim=(1, 2, 3), keepdim=True)
    return torch.cat([mean + (image - mean) * (0.5 + contrast), planes], dim=1)


def translation(maps: Tensor, rng: torch.Generator) -> Tensor:
    """Shifts images and planes alike; see :func:`color`.

    The border is repeated outside of the image, so that a cut-out stays on white. The paper's
    zeros are a gray frame, which the generator would learn from the discriminator.
    """
    height, width = maps.shape[-2:]
    reach = torch.tensor([height, width], device=maps.device).div(SHIFT).round()
    steps = _uniform(len(maps), 2, rng).mul(2 * reach + 1).floor() - reach
    rows = torch.arange(height, device=maps.device) - steps[:, :1]
    columns = torch.arange(width, device=maps.device) - steps[:, 1:]
    rows, columns = rows.clamp(0, height - 1).long(), columns.clamp(0, width - 1).long()
    number = torch.arange(len(maps), device=maps.device)[:, None, None]
    moved = maps.permute(0, 2, 3, 1)[number, rows[:, :, None], columns[:, None]]
    return moved.permute(0, 3, 1, 2)


def cutout(maps: Tensor, rng: torch.Generator) -> Tensor:
    """Sets a square of half a side to zero, in the images alone; see :func:`color`."""
    height, width = maps.shape[-2:]
    sides = torch.tensor([height, width], device=maps.device)
    centers = _uniform(len(maps), 2, rng) * sides
    rows = torch.arange(height, device=maps.device) + 0.5 - centers[:, :1]
    columns = torch.arange(width, device=maps.device) + 0.5 - centers[:, 1:]
    half = sides / HOLE / 2
    hidden = (rows.abs() < half[0])[:, None, :, None] & (columns.abs() < half[1])[:, None, None]
    return torch.cat([maps[:, :3] * ~hidden, maps[:, 3:]], dim=1)


AUGMENTATIONS: dict[Augmentation, Callable[[Tensor, torch.Generator], Tensor]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}


def _uniform(count: int, numbers: int, rng: torch.Generator) -> Tensor:
    return torch.rand(count, numbers, generator=rng, device=rng.device)
