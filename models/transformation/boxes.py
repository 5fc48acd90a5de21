"""Boxes of connected regions, as every pixel sees them (FCOS; Tian et al., ICCV 2019)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d
from torchvision.ops import batched_nms

from models.transformation.warping import pixel_grid
from models.weak.cross_entropy import IGNORE

WINDOW = 7  # side of the neighbourhood in which one pixel speaks for a thing
OVERLAP = 0.5  # intersection over union from which two boxes are one thing


class Boxes(NamedTuple):
    """What is found in one picture, the surest first.

    Attributes:
        corners: (K, 4): left, top, right, bottom in pixels, right and bottom exclusive.
        labels: (K,) classes from 1.
        scores: (K,) in [0, 1].
    """

    corners: Tensor
    labels: Tensor
    scores: Tensor


def distances(masks: Tensor) -> Tensor:
    """How far each pixel's middle is from the sides of the box of its region.

    A region is what holds together in one class, corners included. Its outermost
    coordinates spread through it until nothing changes.

    Args:
        masks: (N, H, W) int64, 0 for background, 255 for ignore.

    Returns:
        (N, 4, H, W): to the left, top, right and bottom side, in pixels; 0 outside of things.
    """
    things = (masks > 0) & (masks != IGNORE)
    x, y = pixel_grid(masks)
    extremes = torch.stack([-x, -y, x, y])
    found = torch.zeros(len(masks), 4, *masks.shape[1:], device=masks.device)
    for label in masks[things].unique():
        inside = (masks == label).unsqueeze(1)
        nothing = torch.full_like(found, -torch.inf)
        spread = torch.where(inside, extremes, nothing)
        while True:
            wider = torch.where(inside, max_pool2d(spread, 3, stride=1, padding=1), nothing)
            if torch.equal(wider, spread):
                break
            spread = wider
        found = torch.where(inside, spread - extremes + 0.5, found)
    return found


def centredness(sides: Tensor) -> Tensor:
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
    """The boxes of local maxima, each thing once.

    Args:
        heat: (N, C, H, W), how sure a pixel is to be in the middle of a thing of the class.
        sides: (N, 4, H, W), see :func:`distances`.
        threshold: The least heat of a box.
    """
    highest = max_pool2d(heat, WINDOW, stride=1, padding=WINDOW // 2)
    peaks = (heat == highest) & (heat >= threshold)
    found = []
    for picture, here, reach in zip(peaks, heat, sides, strict=True):
        label, row, column = picture.nonzero(as_tuple=True)
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
