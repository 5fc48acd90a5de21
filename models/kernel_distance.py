"""The kernel distance between two sets of features, as "KID", but for any network."""

from __future__ import annotations

import torch
from torch import Tensor


def kernel_distance(ours: Tensor, theirs: Tensor) -> float:
    """The unbiased squared MMD with the kernel (x·y / F + 1)³ (Bińkowski et al., ICLR 2018).

    The distance is zero on average for two draws from one distribution, so it may be negative. The
    name "KID" alone means the distance in Inception's features.

    Args:
        ours: (N, F), N at least 2.
        theirs: (M, F), M at least 2.

    Raises:
        ValueError: If there are fewer than two features, or their lengths differ.
    """
    if min(len(ours), len(theirs)) < 2 or ours.shape[1] != theirs.shape[1]:
        raise ValueError(
            f"features of {tuple(ours.shape)} and {tuple(theirs.shape)} cannot be compared: give "
            "two or more each, of one length"
        )
    ours, theirs = ours.double(), theirs.double()
    between = _kernel(ours, theirs).mean()
    return float(_within(ours) + _within(theirs) - 2 * between)


def _kernel(first: Tensor, second: Tensor) -> Tensor:
    return (first @ second.T / first.shape[1] + 1) ** 3


def _within(features: Tensor) -> Tensor:
    """The mean of the kernel over all pairs of different features."""
    values, count = _kernel(features, features), len(features)
    return (values.sum() - torch.diagonal(values).sum()) / (count * (count - 1))
