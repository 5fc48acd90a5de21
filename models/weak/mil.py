"""Multiple-instance losses: a tag is learnt at its best pixel, or softly at all pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from tag2mask.models.tagging import log_sum_exp_pool
from tag2mask.models.weak.base import WeakLabels, present


class MilFcn:
    """The best pixel of each present class (Pathak et al., ICLRw 2015, equation 1).

    L = -1/|L| sum_l log p_l(argmax_u p_l(u)) over the tags and the background.
    """

    def __call__(self, logits: Tensor, labels: WeakLabels) -> Tensor:
        """See :class:`tag2mask.models.weak.base.WeakLoss`."""
        best = logits.log_softmax(dim=1).amax(dim=(2, 3))
        there = present(labels.tags)
        return -((best * there).sum(dim=1) / there.sum(dim=1)).mean()


class MilIlp:
    """Log-sum-exp pooled scores (Pinheiro & Collobert, CVPR 2015, equations 4 to 6).

    The softmax over the classes of the pooled scores is the probability of the image. Several
    tags have equal weights. The background is the class of images without tags. If it were a
    label of every image, it would not separate places. :func:`with_image_prior` belongs to this
    loss.

    Args:
        sharpness: The parameter r of the pooling.
    """

    def __init__(self, sharpness: float = 5.0) -> None:
        self.sharpness = sharpness

    def __call__(self, logits: Tensor, labels: WeakLabels) -> Tensor:
        """See :class:`tag2mask.models.weak.base.WeakLoss`."""
        scores = log_sum_exp_pool(logits, self.sharpness).log_softmax(dim=1)
        untagged = ~labels.tags.any(dim=1, keepdim=True)
        there = torch.cat([untagged, labels.tags > 0], dim=1)
        return -((scores * there).sum(dim=1) / there.sum(dim=1)).mean()


def with_image_prior(logits: Tensor, sharpness: float = 5.0) -> Tensor:
    """Pixel probabilities times those of the image, renormalized (same paper, equation 8).

    Args:
        logits: (N, K, h, w).
        sharpness: The parameter r of the pooling.

    Returns:
        (N, K, h, w) log-probabilities.
    """
    prior = log_sum_exp_pool(logits, sharpness).log_softmax(dim=1)
    joint = logits.log_softmax(dim=1) + prior[..., None, None]
    return joint - torch.logsumexp(joint, dim=1, keepdim=True)
