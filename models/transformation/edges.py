"""Edges of images by the operator of Sobel and Feldman (1968)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from tag2mask.models.transformation.color_spaces import luminance

SHARP = 0.5  # slope of the luminance, in ranges a pixel, from which an edge is full


def edges(images: Tensor) -> Tensor:
    """The steepness of the luminance.

    Args:
        images: (N, 3, H, W) RGB in [-1, 1].

    Returns:
        (N, 1, H, W) in [0, 1]: 1 where the luminance changes by a quarter of its range or
        more from one pixel to the next.
    """
    light = pad(luminance(images), (1, 1, 1, 1), mode="replicate")
    beside = (light[..., :-2] + 2 * light[..., 1:-1] + light[..., 2:]) / 4
    above = (light[..., :-2, :] + 2 * light[..., 1:-1, :] + light[..., 2:, :]) / 4
    down = (beside[..., 2:, :] - beside[..., :-2, :]) / 2
    right = (above[..., 2:] - above[..., :-2]) / 2
    return (torch.hypot(down, right) / SHARP).clamp(max=1)
