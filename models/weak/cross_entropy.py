"""Cross-entropies for soft and hard pixel labels."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy

IGNORE = 255


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The multi-label cross-entropy of STC's first round (Wei et al., PAMI 2017, eq. 1).

    Every pixel belongs to foreground and background at once, with the probabilities of
    its saliency: -(1/n) sum_u sum_k p_uk log f_uk. Pixels whose targets are all zero (the
    padding of a crop) are ignored; n counts the others.

    Args:
        logits: (N, K, h, w).
        targets: (N, K, h, w), at each pixel non-negative and summing to one or to zero.
    """
    entropy = -(targets * logits.log_softmax(dim=1)).sum()
    return entropy / targets.sum().clamp(min=1)


def pixel_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy over the labeled pixels; zero, with a gradient, if there is none.

    Args:
        logits: (N, K, h, w).
        targets: (N, h, w) int64; 255 is ignored.
    """
    labeled = (targets != IGNORE).sum().clamp(min=1)
    return cross_entropy(logits, targets, ignore_index=IGNORE, reduction="sum") / labeled


def weighted_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean cross-entropy over the labeled pixels; zero if they weigh nothing.

    Args:
        logits: (N, K, h, w).
        targets: (N, h, w) int64; 255 is ignored.
        weights: (N, h, w), not negative.
    """
    entropy = cross_entropy(logits, targets, ignore_index=IGNORE, reduction="none")
    total = (weights * (targets != IGNORE)).sum()
    return (weights * entropy).sum() / total.clamp(min=1e-6)
