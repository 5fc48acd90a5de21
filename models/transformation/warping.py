"""Backward warping: an image fetched along a flow, bilinearly."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample


def pixel_grid(like: Tensor) -> Tensor:
    """The x and y of every pixel: (2, H, W) of the size of a tensor (..., H, W)."""
    height, width = like.shape[-2:]
    y = torch.arange(height, device=like.device, dtype=torch.float32)
    x = torch.arange(width, device=like.device, dtype=torch.float32)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"))


def sample(images: Tensor, places: Tensor, outside: str = "border") -> Tensor:
    """The values of images at places between pixels.

    Args:
        images: (N, C, H, W).
        places: (N, 2, h, w), x and y in pixels; (0, 0) is the middle of the first pixel.
        outside: The values outside of the images: ``border``, ``zeros`` or ``reflection``.

    Returns:
        (N, C, h, w).
    """
    height, width = images.shape[-2:]
    sides = places.new_tensor([width, height]).view(1, 2, 1, 1)
    grid = ((2 * places + 1) / sides - 1).permute(0, 2, 3, 1)
    return grid_sample(images, grid, padding_mode=outside, align_corners=False)


def warp(images: Tensor, flow: Tensor, outside: str = "border") -> Tensor:
    """Images whose pixel p has the value at p + flow(p).

    Args:
        images: (N, C, H, W).
        flow: (N, 2, H, W), x and y in pixels.
        outside: See :func:`sample`.
    """
    return sample(images, pixel_grid(images) + flow, outside)
