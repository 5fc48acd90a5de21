"""Color spaces that separate light from color: YCbCr (ITU-R BT.601) and CIE Lab (1976)."""

from __future__ import annotations

import torch
from torch import Tensor

RED, GREEN, BLUE = 0.299, 0.587, 0.114  # shares of the luma, BT.601
# From linear sRGB to XYZ (IEC 61966-2-1), and the white of the illuminant D65
TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
WHITE = (0.95047, 1.0, 1.08883)
EPSILON = 6 / 29  # the point at which the cube root of Lab becomes a line


def luminance(images: Tensor) -> Tensor:
    """RGB (N, 3, H, W) in [-1, 1] to its luma (N, 1, H, W) in [-1, 1]."""
    red, green, blue = images.split(1, dim=1)
    return RED * red + GREEN * green + BLUE * blue


def to_ycbcr(images: Tensor) -> Tensor:
    """RGB (N, 3, H, W) in [-1, 1] to luma in [-1, 1], blue and red difference around 0."""
    y = luminance(images)
    red, _, blue = images.split(1, dim=1)
    return torch.cat([y, (blue - y) / (2 - 2 * BLUE), (red - y) / (2 - 2 * RED)], dim=1)


def from_ycbcr(values: Tensor) -> Tensor:
    """The inverse of :func:`to_ycbcr`, clamped to [-1, 1]."""
    y, cb, cr = values.split(1, dim=1)
    red, blue = y + (2 - 2 * RED) * cr, y + (2 - 2 * BLUE) * cb
    green = (y - RED * red - BLUE * blue) / GREEN
    return torch.cat([red, green, blue], dim=1).clamp(-1, 1)


def to_lab(images: Tensor) -> Tensor:
    """RGB (N, 3, H, W) in [-1, 1] to L* in [0, 100], a* and b* in about [-110, 110]."""
    rgb = (images + 1) / 2
    linear = torch.where(
        rgb > 0.04045, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, rgb / 12.92
    )
    xyz = _mixed(linear, images.new_tensor(TO_XYZ)) / _white(images)
    root = xyz.clamp(min=EPSILON**3) ** (1 / 3)
    x, y, z = torch.where(xyz > EPSILON**3, root, xyz / (3 * EPSILON**2) + 4 / 29).split(1, dim=1)
    return torch.cat([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def from_lab(values: Tensor) -> Tensor:
    """The inverse of :func:`to_lab`; colors outside of sRGB are clamped."""
    lightness, a, b = values.split(1, dim=1)
    y = (lightness + 16) / 116
    roots = torch.cat([y + a / 500, y, y - b / 200], dim=1)
    xyz = torch.where(roots > EPSILON, roots**3, 3 * EPSILON**2 * (roots - 4 / 29))
    inverse = torch.linalg.inv(torch.tensor(TO_XYZ, dtype=torch.float64)).to(values)
    linear = _mixed(xyz * _white(values), inverse).clamp(0, 1)
    curved = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return 2 * torch.where(linear > 0.0031308, curved, 12.92 * linear) - 1


def _mixed(images: Tensor, matrix: Tensor) -> Tensor:
    # Not a matrix product, because mixed precision would round it to eight bits.
    return (matrix[..., None, None] * images.unsqueeze(1)).sum(dim=2)


def _white(like: Tensor) -> Tensor:
    return like.new_tensor(WHITE).view(1, 3, 1, 1)
