"""Small data sets with known ground truth, as batches of systems."""

from collections.abc import Callable

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn.functional import one_hot

from tag2mask.models.system import Batch

COLORS = torch.tensor([[0.8, -0.8, -0.8], [-0.8, -0.8, 0.8]])  # of blobs: red, blue
INK = 4 / 16  # of a digit's pixels, from which on they are no background


def digits() -> dict[str, Tensor]:
    """The 1,797 digits of the Optical Recognition data set (UCI), 8 x 8, as cut-outs on white.

    Their tags are the digits; the mask of a digit k holds k + 1 where there is ink.
    """
    data = load_digits()
    ink = torch.from_numpy(data.images).float() / 16
    labels = torch.from_numpy(data.target).long()
    return {
        "image": (1 - 2 * ink)[:, None].expand(-1, 3, -1, -1).contiguous(),
        "mask": torch.where(ink > INK, labels[:, None, None] + 1, 0),
        "tags": one_hot(labels, 10).float(),
    }


def blobs(count: int, seed: int, size: int = 16) -> dict[str, Tensor]:
    """A disc or a square, red or blue, on white; the tags say disc, square, red, blue.

    The mask holds 1 for a disc and 2 for a square.
    """
    rng = torch.Generator().manual_seed(seed)
    square = torch.randint(2, (count,), generator=rng)
    blue = torch.randint(2, (count,), generator=rng)
    inside = _drawn(
        square, size * (0.42 + 0.16 * torch.rand(count, 2, generator=rng)), size / 4, size
    )
    colors = COLORS[blue]
    return {
        "image": torch.where(inside[:, None], colors[:, :, None, None], 1.0),
        "mask": torch.where(inside, square[:, None, None] + 1, 0),
        "tags": torch.cat([one_hot(square, 2), one_hot(blue, 2)], dim=1).float(),
    }


def kinds(images: Tensor) -> tuple[Tensor, Tensor]:
    """The kinds of :func:`blobs`: (N,) bool square, and (N,) bool blue, by corners and color."""
    inside = images.amin(dim=1) < 0.3
    rows, columns = inside.any(dim=2).sum(dim=1), inside.any(dim=1).sum(dim=1)
    filled = inside.sum(dim=(1, 2)) / (rows * columns).clamp(min=1)
    colors = (images * inside[:, None]).sum(dim=(2, 3))
    return filled > 0.9, colors[:, 2] > colors[:, 0]


def pairs(count: int, seed: int, size: int = 16) -> dict[str, Tensor]:
    """A red thing and a blue one side by side, or one above the other, on white.

    Red is class 1, blue is class 2; both are always there.
    """
    rng = torch.Generator().manual_seed(seed)
    away = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0]])[
        torch.randint(4, (count,), generator=rng)
    ]
    center = size * (0.5 + 0.06 * (torch.rand(count, 2, generator=rng) - 0.5))
    red = _drawn(torch.zeros(count).long(), center - 0.25 * size * away, 0.17 * size, size)
    blue = _drawn(torch.ones(count).long(), center + 0.25 * size * away, 0.17 * size, size)
    image = torch.ones(count, 3, size, size)
    for inside, color in ((red, [0.8, -0.8, -0.8]), (blue, [-0.8, -0.8, 0.8])):
        image = torch.where(inside[:, None], torch.tensor(color)[:, None, None], image)
    mask = torch.where(blue, 2, red.long())
    return {"image": image, "mask": mask, "tags": torch.ones(count, 2)}


def meadows(count: int, seed: int, size: int = 16) -> dict[str, Tensor]:
    """A red disc on green of any shade that darkens to one side; its mask is 1 on the disc."""
    rng = torch.Generator().manual_seed(seed)
    center = size * (0.4 + 0.2 * torch.rand(count, 2, generator=rng))
    inside = _drawn(torch.zeros(count).long(), center, 0.22 * size, size)
    shade = torch.rand(count, 1, 1, generator=rng) - 0.3
    slope = (torch.rand(count, 1, 1, generator=rng) - 0.5) * torch.linspace(-1, 1, size)
    green = (shade + slope).expand(-1, size, -1)
    ground = torch.stack([torch.full_like(green, -0.8), green, torch.full_like(green, -0.5)], 1)
    red = torch.tensor([0.9, -0.6, -0.6]).view(1, 3, 1, 1)
    image = torch.where(inside[:, None], red, ground)
    return {"image": image, "mask": inside.long(), "tags": torch.ones(count, 1)}


def batches(data: Batch, size: int, seed: int = 0) -> Callable[[int], Batch]:
    """Random batches of a data set by the number of a step."""

    def batch(step: int) -> Batch:
        rng = torch.Generator().manual_seed(seed * 1_000_003 + step)
        chosen = torch.randint(len(data["image"]), (size,), generator=rng)
        return {name: values[chosen] for name, values in data.items()}

    return batch


def _drawn(square: Tensor, center: Tensor, radius: float, size: int) -> Tensor:
    """Discs and squares (N, S, S) bool of a radius around centers (N, 2), in pixels."""
    axis = torch.arange(size) + 0.5
    down = axis.view(1, -1, 1) - center[:, 0].view(-1, 1, 1)
    right = axis.view(1, 1, -1) - center[:, 1].view(-1, 1, 1)
    disc = torch.hypot(down, right) < radius
    return torch.where(
        square.bool().view(-1, 1, 1), torch.maximum(down.abs(), right.abs()) < 0.9 * radius, disc
    )
