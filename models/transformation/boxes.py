"""Boxes of connected regions, relative to every pixel (FCOS; Tian et al., ICCV 2019)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d
from torchvision.ops import batched_nms

from tag2mask.models.transformation.warping import pixel_grid
from tag2mask.models.weak.cross_entropy import IGNORE

WINDOW = 7  # side of the neighborhood in which the pixel of highest heat is kept
OVERLAP = 0.5  # intersection over union from which two boxes are one object


class Boxes(NamedTuple):
    """The objects of one image, by falling score.

    Attributes:
        corners: (K, 4): left, top, right, bottom in pixels, right and bottom exclusive.
        labels: (K,) classes from 1.
        scores: (K,) in [0, 1].
    """

    corners: Tensor
    labels: Tensor
    scores: Tensor


def distances(masks: Tensor) -> Tensor:
    """The distances from each pixel's middle to the sides of its region's box.

    A region is connected along rows and columns, in one class. Its outermost coordinates spread
    over whole runs of pixels at a time, until nothing changes.

    Args:
        masks: (N, H, W) int64, 0 for background, 255 for ignore.

    Returns:
        (N, 4, H, W): to the left, top, right and bottom side, in pixels; 0 outside of objects.
    """
    x, y = pixel_grid(masks)
    extremes = torch.stack([-x, -y, x, y]).expand(len(masks), 4, -1, -1)
    rows, columns = _runs(masks), _runs(masks.mT)
    spread = extremes
    while True:
        wider = _spread(_spread(spread, rows).mT, columns).mT
        if torch.equal(wider, spread):
            break
        spread = wider
    things = (masks > 0) & (masks != IGNORE)
    return torch.where(things.unsqueeze(1), spread - extremes + 0.5, 0.0)


def centeredness(sides: Tensor) -> Tensor:
    """1 in the middle of a box, 0 on its sides (equation 3): (N, 4, H, W) to (N, H, W)."""
    left, top, right, bottom = sides.unbind(dim=1)
    across = torch.minimum(left, right) / torch.maximum(left, right).clamp(min=1e-6)
    down = torch.minimum(top, bottom) / torch.maximum(top, bottom).clamp(min=1e-6)
    return (across * down).sqrt()


def overlap(sides: Tensor, others: Tensor) -> Tensor:
    """Intersection over union of boxes of the same pixels: (N, 4, H, W) twice to (N, H, W)."""
    shared = torch.minimum(sides, others)
    inter = _area(shared)
    return inter / (_area(sides) + _area(others) - inter).clamp(min=1e-6)


def decode(heat: Tensor, sides: Tensor, threshold: float) -> list[Boxes]:
    """The boxes of local maxima, one for each object.

    Args:
        heat: (N, C, H, W) in [0, 1], the score of a pixel as the middle of an object.
        sides: (N, 4, H, W), see :func:`distances`.
        threshold: The least heat of a box.
    """
    highest = max_pool2d(heat, WINDOW, stride=1, padding=WINDOW // 2)
    peaks = (heat == highest) & (heat >= threshold)
    found = []
    for image, here, reach in zip(peaks, heat, sides, strict=True):
        label, row, column = image.nonzero(as_tuple=True)
        middle = torch.stack([column, row, column, row], dim=1) + 0.5
        signs = reach.new_tensor([-1, -1, 1, 1])
        corners = middle + signs * reach[:, row, column].T
        scores = here[label, row, column]
        kept = batched_nms(corners, scores, label, OVERLAP)
        found.append(Boxes(corners[kept], label[kept] + 1, scores[kept]))
    return found


def _area(sides: Tensor) -> Tensor:
    left, top, right, bottom = sides.unbind(dim=1)
    return (left + right) * (top + bottom)


def _runs(masks: Tensor) -> Tensor:
    """Numbers of the runs of equal pixels in the rows of masks (N, H, W)."""
    begins = torch.ones_like(masks, dtype=torch.bool)
    begins[..., 1:] = masks[..., 1:] != masks[..., :-1]
    return begins.flatten().cumsum(dim=0).view_as(masks) - 1


def _spread(values: Tensor, runs: Tensor) -> Tensor:
    """The largest of values (N, K, H, W) in the run (N, H, W) of each pixel."""
    listed = values.transpose(0, 1).flatten(1)
    places = runs.flatten().expand_as(listed)
    nothing = listed.new_full((len(listed), int(runs.max()) + 1), -torch.inf)
    largest = nothing.scatter_reduce(1, places, listed, "amax")
    return largest.gather(1, places).view_as(values.transpose(0, 1)).transpose(0, 1)
