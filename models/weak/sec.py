"""SEC (Kolesnikov & Lampert, ECCV 2016): seed, expand, constrain."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, one_hot

from tag2mask.models.crf import Crf
from tag2mask.models.weak.base import WeakLabels
from tag2mask.models.weak.cross_entropy import IGNORE

FOREGROUND_DECAY = 0.996
BACKGROUND_DECAY = 0.999
PLACES = 41 * 41  # number of places of the paper's grid, for which the decays are given
SMALLEST = 1e-4  # smallest probability


class Sec:
    """The sum of three losses with equal weights.

    - Seed: cross-entropy on the seeds alone.
    - Expand: by global weighted rank pooling, a tag must be likely on a share of the image, and an
      absent class nowhere.
    - Constrain: the prediction must agree with its own refinement by DenseCRF, taken as constant.

    Args:
        crf: Refines predictions on images that are reduced to the grid of the logits.
    """

    def __init__(self, crf: Crf) -> None:
        self.crf = crf

    def __call__(self, logits: Tensor, labels: WeakLabels) -> Tensor:
        """See :class:`tag2mask.models.weak.base.WeakLoss`."""
        probabilities = logits.softmax(dim=1).clamp(min=SMALLEST)
        probabilities = probabilities / probabilities.sum(dim=1, keepdim=True)
        return (
            seed_loss(probabilities, labels.seeds)
            + expand_loss(probabilities, labels.tags)
            + self._constrain(probabilities, labels)
        )

    def _constrain(self, probabilities: Tensor, labels: WeakLabels) -> Tensor:
        small = interpolate(labels.images.float(), probabilities.shape[2:], mode="area")
        images = small.permute(0, 2, 3, 1).round().clamp(0, 255).byte().cpu().numpy()
        refined = np.stack(self.crf(list(images), list(probabilities.detach().cpu().numpy())))
        return constrain_loss(probabilities, torch.from_numpy(refined).to(probabilities))


def seed_loss(probabilities: Tensor, seeds: Tensor) -> Tensor:
    """Mean over the seeds of an image of -log f, then over the images (equation 1).

    Args:
        probabilities: (N, K, h, w).
        seeds: (N, H, W) labels, 255 for none; resized to the grid.
    """
    grid = interpolate(seeds[:, None].float(), probabilities.shape[2:], mode="nearest")[:, 0]
    known = grid != IGNORE
    labels = torch.where(known, grid, 0).long()
    chosen = one_hot(labels, probabilities.shape[1]).permute(0, 3, 1, 2) * known[:, None]
    total = (chosen * probabilities.log()).sum(dim=(1, 2, 3))
    return -(total / known.sum(dim=(1, 2)).clamp(min=1)).mean()


def rank_pooled(probabilities: Tensor, decay: float) -> Tensor:
    """Weighted means of sorted values, the j-th largest with weight decay^j (equation 4).

    Args:
        probabilities: (N, K, h, w).
        decay: The decay on a grid of 41 x 41; on other grids the same share of places counts.

    Returns:
        (N, K). A decay of 0 is the maximum, of 1 the average.
    """
    ordered = probabilities.flatten(2).sort(dim=2, descending=True).values
    places = ordered.shape[2]
    decay = decay ** (PLACES / places)
    weights = decay ** torch.arange(places, device=ordered.device, dtype=ordered.dtype)
    return (ordered * weights).sum(dim=2) / weights.sum()


def expand_loss(probabilities: Tensor, tags: Tensor) -> Tensor:
    """Tags on a share of the image, absent classes nowhere, background somewhere (eq. 5)."""
    foreground = rank_pooled(probabilities, FOREGROUND_DECAY)[:, 1:]
    background = rank_pooled(probabilities[:, :1], BACKGROUND_DECAY)[:, 0]
    highest = probabilities[:, 1:].amax(dim=(2, 3))
    absent = 1 - tags
    there = (tags * foreground.log()).sum(dim=1) / tags.sum(dim=1).clamp(min=1)
    away = (absent * (1 - highest).clamp(min=SMALLEST).log()).sum(dim=1)
    away = away / absent.sum(dim=1).clamp(min=1)
    return -(there + away + background.log()).mean()


def constrain_loss(probabilities: Tensor, refined: Tensor) -> Tensor:
    """Mean over places of KL(refined || probabilities) (equation 6), refined as constant."""
    refined = refined.detach().clamp(min=SMALLEST)
    refined = refined / refined.sum(dim=1, keepdim=True)
    return (refined * (refined.log() - probabilities.log())).sum(dim=1).mean()
