"""Features for kernel distances that need no trained network.

A distance by them is ``kid@filters``, never "KID" alone, which means Inception's features.
"""

import torch
from torch import Tensor, nn


def random_filters(real: Tensor, seed: int = 0) -> nn.Module:
    """Two layers of random filters to (N, F) features, calibrated on real images."""
    torch.manual_seed(seed)
    filters = nn.Sequential(
        nn.Conv2d(3, 24, 3, 2, 1),
        nn.BatchNorm2d(24, momentum=None),
        nn.ReLU(),
        nn.Conv2d(24, 24, 3, 2, 1),
        nn.BatchNorm2d(24, momentum=None),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
    )
    with torch.no_grad():
        filters(real)
    return filters.eval().requires_grad_(False)
