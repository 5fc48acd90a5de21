"""EM-Adapt (Papandreou et al., ICCV 2015): every tag gets its share of the pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tag2mask.models.weak.base import WeakLabels, present

FOREGROUND_SHARE = 0.2  # of the pixels, for each tag
BACKGROUND_SHARE = 0.4


class EmAdapt:
    """Estimates the pixels' labels with adaptive biases, then learns them.

    E-step: y_u = argmax over the present labels of f_u(l) + b_l, where b_l is chosen for
    each image so that a fixed share of the pixels prefers l to any other present label.
    M-step: pixel cross-entropy on y.

    Args:
        foreground: Share of each tag, in (0, 1).
        background: Share of the background, in (0, 1).
    """

    def __init__(
        self, foreground: float = FOREGROUND_SHARE, background: float = BACKGROUND_SHARE
    ) -> None:
        self.foreground, self.background = foreground, background

    def __call__(self, logits: Tensor, labels: WeakLabels) -> Tensor:
        """See :class:`tag2mask.models.weak.base.WeakLoss`."""
        return cross_entropy(logits, self.estimate(logits, labels.tags))

    @torch.no_grad()
    def estimate(self, logits: Tensor, tags: Tensor) -> Tensor:
        """The E-step: (N, K, h, w) logits to (N, h, w) labels, present ones alone."""
        scores = logits.flatten(2).masked_fill(~present(tags)[..., None], -torch.inf)
        behind = scores.amax(dim=1, keepdim=True) - scores
        shares = torch.full((scores.shape[1],), self.foreground, device=scores.device)
        shares[0] = self.background
        # With this bias, the wanted share of the pixels prefers the label.
        ranks = (shares * (scores.shape[2] - 1)).long()
        ordered = behind.sort(dim=2).values
        bias = ordered.gather(2, ranks[None, :, None].expand(len(scores), -1, 1))
        biased = scores + bias.nan_to_num(posinf=0.0)
        return biased.argmax(dim=1).view(len(logits), *logits.shape[2:])
