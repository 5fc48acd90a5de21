"""Spatial pyramid pooling (He et al., ECCV 2014): any window as one vector, from one pass."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d

BINS = (1, 2, 3, 6)  # bins a side of each level, 50 in all

Box = tuple[int, int, int, int]  # top, left, bottom, right in pixels; the last two are outside


def feature_window(box: Box, stride: int, size: tuple[int, int]) -> tuple[slice, slice]:
    """The places of a feature map that belong to a box (appendix A).

    Left and top are floor(x / S) + 1, right and bottom ceil(x / S) - 1, both inside. A box that is
    too small gets the one place at its middle.

    Args:
        box: The box, in pixels.
        stride: Stride S of the feature map, in pixels.
        size: Rows and columns of the feature map.
    """
    top, left, bottom, right = box
    return (_window(top, bottom, stride, size[0]), _window(left, right, stride, size[1]))


def _window(start: int, stop: int, stride: int, extent: int) -> slice:
    # A box that ends at the image's edge keeps the last place.
    first = 0 if start == 0 else start // stride + 1
    last = extent - 1 if stop >= extent * stride else math.ceil(stop / stride) - 1
    if last < first or first >= extent:
        first = last = min(extent - 1, (start + stop) // (2 * stride))
    return slice(first, min(last, extent - 1) + 1)


def spatial_pyramid(window: Tensor) -> Tensor:
    """The maxima over grids of 1, 2, 3 and 6 cells a side.

    Args:
        window: (C, h, w) features of any size.

    Returns:
        (50 C,).
    """
    return torch.cat([adaptive_max_pool2d(window, bins).flatten() for bins in BINS])
