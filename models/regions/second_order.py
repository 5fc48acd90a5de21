"""Second-order pooling (Carreira et al., ECCV 2012, O2P): a region by its features' products."""

from __future__ import annotations

import math

import torch
from torch import Tensor

RIDGE = 1e-3  # added to the diagonal, relative to its mean: regions of few places
POWER = 0.75


def second_order(features: Tensor) -> Tensor:
    """Average of outer products, by the logarithm of matrices to flat space (section 2.2).

    G = (1/N) sum x x^T; log(G + eps I) in the Log-Euclidean metric; sign(v) |v|^0.75 of its
    upper triangle, whose off-diagonal values count twice in norms and so are times sqrt 2.

    Args:
        features: (N, D) of the places of a region.

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
