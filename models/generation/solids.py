"""Solids as voxels: inflated from masks, and shaded for display."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

LIGHT = (-0.4, -0.5, 0.77)  # direction of the light's source: left, above, in front
STEEPEST = 3.0  # steepest slope that is shaded, in voxels


def inflate(masks: Tensor, side: int) -> Tensor:
    """Inflates flat shapes, so that a disc becomes a ball and a bar becomes a rod.

    R is the largest distance inside of a shape. At a distance d from the outline, a solid is as
    thick as a circle of radius R, 2 * sqrt(d * (2 * R - d)).

    Args:
        masks: (N, 1, S, S), 1 inside of the shape and 0 outside.
        side: Side of the cube, in voxels.

    Returns:
        (N, 1, side, side, side) float32 of zeros and ones: depth, rows, columns.
    """
    flat = interpolate(masks.float(), (side, side), mode="area")[:, 0] >= 0.5
    inward = distance_inside(flat)
    # The innermost pixel may lie half a pixel beside the middle.
    radius = inward.amax(dim=(1, 2), keepdim=True) + 0.5
    reach = (inward * (2 * radius - inward)).clamp(min=0).sqrt()
    depth = torch.arange(side, device=masks.device) - (side - 1) / 2
    solid = (depth.abs().view(1, -1, 1, 1) < reach[:, None]) & flat[:, None]
    return solid[:, None].float()


def distance_inside(shapes: Tensor) -> Tensor:
    """Exact distances to the nearest pixel outside (Felzenszwalb & Huttenlocher, 2012).

    Args:
        shapes: (N, S, S) bool; everything outside of the image is outside of the shape.

    Returns:
        (N, S, S) in pixels, 0 outside; a pixel beside the outline has 0.5.
    """
    inside = pad(shapes, (1, 1, 1, 1))
    steps = torch.arange(inside.shape[-1], device=shapes.device, dtype=torch.float32)
    gaps = (steps[:, None] - steps).square()
    far = gaps.max() * 4
    squares = torch.where(inside, far, 0.0)
    # Squared distances are lowest parabolas: along the rows, then along the columns.
    squares = (squares[:, :, None, :] + gaps).amin(dim=3)
    squares = (squares.transpose(1, 2)[:, :, None, :] + gaps).amin(dim=3).transpose(1, 2)
    return (squares.sqrt() - 0.5).clamp(min=0)[:, 1:-1, 1:-1]


def shade(voxels: Tensor) -> Tensor:
    """Views of solids from the front, from the side and from above, side by side.

    Args:
        voxels: (N, 1, D, D, D) in [0, 1]: depth, rows, columns; a value of 0.5 is half opaque.

    Returns:
        (N, 3, D, 3 D) gray on white in [-1, 1].
    """
    views = (voxels, voxels.transpose(2, 4), voxels.transpose(2, 3))
    return torch.cat([_view(view[:, 0]) for view in views], dim=3).expand(-1, 3, -1, -1)


def _view(voxels: Tensor) -> Tensor:
    """The front of (N, D, H, W) as (N, 1, H, W)."""
    passed = (1 - voxels).cumprod(dim=1)
    depth, seen = passed.sum(dim=1), 1 - passed[:, -1]
    edges = pad(depth[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    right = ((edges[:, 1:-1, 2:] - edges[:, 1:-1, :-2]) / 2).clamp(-STEEPEST, STEEPEST)
    down = ((edges[:, 2:, 1:-1] - edges[:, :-2, 1:-1]) / 2).clamp(-STEEPEST, STEEPEST)
    # The surface's normal points in the direction of growing depth, and to the eye.
    normal = torch.stack([right, down, torch.ones_like(right)], dim=1)
    light = normal.new_tensor(LIGHT).view(1, 3, 1, 1)
    bright = ((normal * light).sum(1) / (normal.norm(dim=1) * light.norm())).clamp(min=0)
    gray = 0.15 + 0.75 * bright
    return (2 * (seen * gray + (1 - seen)) - 1).unsqueeze(1)
