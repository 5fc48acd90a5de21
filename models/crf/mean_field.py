"""Mean field for fully connected Potts models, with any filters of the kernels.

Shapes are B images of H rows and W columns with K labels. Images that are smaller or have fewer
labels are padded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

# (B, C, H, W) to the same shape: each channel filtered by a kernel that is not normalized.
Filter = Callable[[Tensor], Tensor]

_PLAIN_STEPS = 2


class Kernel:
    """A weighted pairwise kernel ``w D G D``, normalized symmetrically (D² = 1 / G1).

    Args:
        smooth: Filters with G.
        inside: (B, 1, H, W) float, one for pixels of an image, zero for padding, which has no
            effect on pixels.
        weight: Weight w of the kernel.
    """

    def __init__(self, smooth: Filter, inside: Tensor, weight: float) -> None:
        self._smooth = smooth
        self._sent = inside * smooth(inside).clamp(min=1e-20).rsqrt()
        self._received = weight * self._sent

    def __call__(self, marginals: Tensor) -> Tensor:
        """The messages (B, C, H, W) of marginals, or of differences of marginals."""
        return self._received * self._smooth(self._sent * marginals)


def mean_field(log_unary: Tensor, kernels: Sequence[Kernel], iterations: int) -> Tensor:
    """The marginals after some steps of mean field (Krähenbühl & Koltun, 2011, algorithm 1).

    Only the differences of the labels' messages matter. Filtering is linear, so the differences of
    marginals are filtered, and the first label needs no message.

    Args:
        log_unary: (B, K, H, W) float32, finite.
        kernels: The pairwise terms.
        iterations: Steps; 0 gives the softmax of the unary.

    Returns:
        (B, K, H, W) float32, summing to one over K.
    """
    if log_unary.shape[1] == 1:
        return torch.ones_like(log_unary)
    state = log_unary
    for length in step_lengths(iterations):
        marginals = _softmax(state)
        leads = marginals[:, 1:] - marginals[:, :1]
        # In a Potts model agreement lowers the energy, up to a constant for each pixel.
        target = log_unary.clone()
        for kernel in kernels:
            target[:, 1:] += kernel(leads)
        state = state + length * (target - state)
    return _softmax(state)


def step_lengths(iterations: int) -> tuple[int, ...]:
    """The number of mean-field steps for each evaluation of the messages.

    After the first steps the field changes slowly. Two steps are then replaced by one of twice the
    length (over-relaxation). Attractive kernels keep it stable. Labels differ from those of single
    steps in about 0.1 % of the pixels.
    """
    plain = min(iterations, _PLAIN_STEPS + iterations % 2)
    return (1,) * plain + (2,) * ((iterations - plain) // 2)


def _softmax(state: Tensor) -> Tensor:
    # In single steps, because the library's softmax rounds a pixel differently at different places
    # in memory, and an image's marginals must not depend on the others in its batch.
    powers = (state - state.amax(dim=1, keepdim=True)).exp()
    return powers / _sum_of(powers.split(1, dim=1))


def _sum_of(tensors: Iterable[Tensor]) -> Tensor:
    """The sum of tensors of one shape, added one after another for the same reason."""
    first, *others = tensors
    total = first.clone()
    for other in others:
        total += other
    return total


def gaussian_taps(sxy: float) -> np.ndarray:
    """exp(-t²/2 sxy²) for whole t up to three times the width: (2 r + 1,) float32."""
    radius = math.ceil(3 * sxy)
    places = np.arange(-radius, radius + 1)
    return np.exp(-((places / sxy) ** 2) / 2).astype(np.float32)
