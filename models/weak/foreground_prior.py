"""Foreground/background prior (Saleh et al., ECCV 2016): tags are pooled inside a mask."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from tag2mask.models.weak.base import WeakLabels, present
from tag2mask.models.weak.cross_entropy import IGNORE

SHARPNESS = 5.0
SMALLEST = 1e-4


class ForegroundPrior:
    """Classes are pooled inside the foreground, the background outside of it (equation 7).

    L = -sum over present labels of log S_l - sum over absent classes of log(1 - S_l), each sum
    divided by its number of terms; S pools probabilities by log-sum-exp. The seeds are the
    objects in the network's own activations. Every label but the background counts as foreground.

    Args:
        sharpness: The parameter r of the pooling.
    """

    def __init__(self, sharpness: float = SHARPNESS) -> None:
        self.sharpness = sharpness

    def __call__(self, logits: Tensor, labels: WeakLabels) -> Tensor:
        """See :class:`tag2mask.models.weak.base.WeakLoss`."""
        probabilities = logits.softmax(dim=1)
        grid = interpolate(labels.seeds[:, None].float(), logits.shape[2:], mode="nearest")
        foreground = (grid > 0) & (grid != IGNORE)
        inside = self._pooled(probabilities[:, 1:], foreground)
        outside = self._pooled(probabilities[:, :1], grid == 0)
        highest = self._pooled(probabilities[:, 1:], torch.ones_like(foreground))
        there = present(labels.tags)
        found = torch.cat([outside, inside], dim=1).clamp(SMALLEST, 1).log()
        away = (1 - highest).clamp(min=SMALLEST).log()
        absent = 1 - labels.tags
        positive = (found * there).sum(dim=1) / there.sum(dim=1)
        negative = (away * absent).sum(dim=1) / absent.sum(dim=1).clamp(min=1)
        return -(positive + negative).mean()

    def _pooled(self, probabilities: Tensor, where: Tensor) -> Tensor:
        """Log-sum-exp over the places of (N, 1, h, w), or over all places if it is empty."""
        where = where | ~where.any(dim=(2, 3), keepdim=True).any(dim=1, keepdim=True)
        scores = (self.sharpness * probabilities).masked_fill(~where, -torch.inf)
        count = where.sum(dim=(2, 3)).clamp(min=1).to(probabilities.dtype)
        pooled = torch.logsumexp(scores, dim=(2, 3)) - count.log()
        return pooled / self.sharpness
