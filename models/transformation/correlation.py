"""The correlation layer of FlowNetC (Dosovitskiy et al., ICCV 2015, equation 1)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad


def correlation(first: Tensor, second: Tensor, reach: int, step: int = 1) -> Tensor:
    """The correlation of each place of one map with the places around it in another.

    The paper's patches have one pixel (k = 0). The products are averaged over the channels
    instead of summed, so that their scale does not depend on the number of channels.

    Args:
        first: (N, C, h, w).
        second: The same.
        reach: Largest displacement along an axis, in pixels of the maps.
        step: Distance between displacements, in pixels (the paper's stride s2).

    Returns:
        (N, D², h, w), D = 2 · (reach // step) + 1: displacements row by row, upwards first;
        outside of the second map everything is zero.
    """
    height, width = first.shape[-2:]
    around = pad(second, (reach, reach, reach, reach))
    farthest = reach // step * step
    offsets = range(reach - farthest, reach + farthest + 1, step)
    alike = [
        (first * around[..., y : y + height, x : x + width]).mean(dim=1)
        for y in offsets
        for x in offsets
    ]
    return torch.stack(alike, dim=1)
