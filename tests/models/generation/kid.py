"""Kernel Inception Distance (Binkowski et al., ICLR 2018) on features other than Inception's.

Its name is never "KID" alone: ``kid@filters`` here, of fixed random filters whose statistics
are calibrated on real pictures.
"""

import torch
from torch import Tensor, nn


def random_filters(real: Tensor, seed: int = 0) -> nn.Module:
    """Two layers of random filters to (N, F) features, calibrated on real pictures."""
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


def kid(ours: Tensor, theirs: Tensor) -> float:
    """The unbiased squared maximum mean discrepancy of features (N, F), cubic kernel."""

    def kernel(x: Tensor, y: Tensor) -> Tensor:
        return (x @ y.T / x.shape[1] + 1) ** 3

    def within(x: Tensor) -> Tensor:
        values = kernel(x, x)
        return (values.sum() - values.trace()) / (len(x) * (len(x) - 1))

    ours, theirs = ours.double(), theirs.double()
    return float(within(ours) + within(theirs) - 2 * kernel(ours, theirs).mean())
