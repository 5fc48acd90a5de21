"""Colors for label maps, flow and depth, as RGB in [-1, 1]."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def label_colors(mask: Tensor) -> Tensor:
    """A label map in the colors of Pascal VOC, whose bits encode the class.

    Args:
        mask: (N, H, W) int64 in [0, 255].

    Returns:
        (N, 3, H, W).
    """
    channels = []
    for channel in range(3):
        bits = [(mask >> (3 * place + channel) & 1) << (7 - place) for place in range(3)]
        channels.append(torch.stack(bits).sum(dim=0))
    return torch.stack(channels, dim=1) / 127.5 - 1


def flow_colors(flow: Tensor, largest: float) -> Tensor:
    """A flow as hue for its direction and saturation for its length; white is no motion.

    Args:
        flow: (N, 2, H, W), x and y.
        largest: The length of full saturation, in the flow's unit.

    Returns:
        (N, 3, H, W).
    """
    length = (flow.norm(dim=1) / largest).clamp(max=1)
    angle = torch.atan2(flow[:, 1], flow[:, 0])
    waves = [torch.cos(angle - 2 * math.pi * channel / 3) for channel in range(3)]
    return 1 - length.unsqueeze(1) * (1 - torch.stack(waves, dim=1))


def depth_colors(nearness: Tensor) -> Tensor:
    """Nearness as colors: near is warm and bright, far is cold and dark.

    Args:
        nearness: (N, 1, H, W) in [0, 1].

    Returns:
        (N, 3, H, W).
    """
    x = nearness.clamp(0, 1)
    return 2 * torch.cat([x, x.square(), (0.4 + 1.2 * x * (0.5 - x)).clamp(0, 1)], dim=1) - 1
