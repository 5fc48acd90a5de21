"""CCNN (Pathak, Krähenbühl & Darrell, ICCV 2015): linear constraints on label shares."""

from __future__ import annotations

import torch
from torch import Tensor

from tag2mask.models.weak.base import WeakLabels, present

FOREGROUND_SHARE = 0.05  # at least, for each tag, softly
BACKGROUND_SHARES = (0.3, 0.7)  # at least and at most, strictly
SLACK = 2.0  # price of a foreground that is too small, and the limit of its multiplier
STEPS = 100


class Ccnn:
    """Learns the distribution nearest to its own that keeps the constraints.

    P = argmin KL(P || Q) under shares of the labels; then cross-entropy to P. In the dual each
    constraint is a number that is added to the logits of its label. The numbers are found by
    projected gradient ascent, for all images at once.

    Args:
        steps: Number of steps of the ascent.
        rate: Rate of the ascent, in logits for a missing share of one.
    """

    def __init__(self, steps: int = STEPS, rate: float = 4.0) -> None:
        self.steps, self.rate = steps, rate

    def __call__(self, logits: Tensor, labels: WeakLabels) -> Tensor:
        """See :class:`tag2mask.models.weak.base.WeakLoss`."""
        nearest = self.project(logits, labels.tags)
        return -(nearest * logits.log_softmax(dim=1)).sum(dim=1).mean()

    @torch.no_grad()
    def project(self, logits: Tensor, tags: Tensor) -> Tensor:
        """The constrained distribution P, (N, K, h, w)."""
        there = present(tags)
        allowed = logits.flatten(2).masked_fill(~there[..., None], -torch.inf)
        # One multiplier for "at least" of each label, one for "at most" of the background.
        least = torch.full_like(there, FOREGROUND_SHARE, dtype=logits.dtype)
        least[:, 0] = BACKGROUND_SHARES[0]
        least = least * there
        highest = torch.full_like(least, SLACK)
        highest[:, 0] = torch.inf
        tagged = tags.any(dim=1).to(logits.dtype)
        up, down = torch.zeros_like(least), torch.zeros_like(tagged)
        probabilities = allowed.softmax(dim=1)
        for _ in range(self.steps):
            shares = probabilities.mean(dim=2)
            up = (up + self.rate * (least - shares)).clamp(min=0).minimum(highest) * there
            down = (down + self.rate * (shares[:, 0] - BACKGROUND_SHARES[1])).clamp(min=0)
            offset = up.clone()
            offset[:, 0] -= down * tagged
            probabilities = (allowed + offset[..., None]).softmax(dim=1)
        return probabilities.view_as(logits)
