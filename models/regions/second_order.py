"""Second-order pooling of a region's features (O2P: Carreira et al., ECCV 2012)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

RIDGE = 1e-3  # added to the diagonal, relative to its mean, for regions of few places
POWER = 0.75


def second_order(features: Tensor) -> Tensor:
    """The average of outer products, mapped to flat space by the matrix logarithm (section 2.2).

    G = (1/N) sum x x^T; log(G + eps I) in the Log-Euclidean metric; sign(v) |v|^0.75 of its upper
    triangle. Off-diagonal values count twice in norms, and so are multiplied by sqrt 2.

    Args:
        features: (N, D), features at the places of a region.

    Returns:
        (D (D + 1) / 2,).
    """
    places, channels = features.shape
    gram = features.T @ features / places
    ridge = RIDGE * gram.diagonal().mean().clamp(min=1e-6)
    values, vectors = torch.linalg.eigh(gram + ridge * torch.eye(channels, device=gram.device))
    logarithm = vectors * values.clamp(min=ridge / 2).log() @ vectors.T
    upper = torch.triu_indices(channels, channels, device=gram.device)
    weights = torch.where(upper[0] == upper[1], 1.0, math.sqrt(2))
    flat = logarithm[upper[0], upper[1]] * weights
    return flat.sign() * flat.abs() ** POWER
