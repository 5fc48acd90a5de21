"""The inputs of every weak loss: tags, and seeds if there are any."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class WeakLabels(NamedTuple):
    """The weak labels of a batch of crops without masks.

    Attributes:
        tags: (N, C) in {0, 1}, which foreground classes an image has.
        seeds: (N, h, w) int64, classes of the confident pixels, else 255.
        images: (N, 3, h, w) RGB in [0, 255], for losses that use edges.
    """

    tags: Tensor
    seeds: Tensor
    images: Tensor


class WeakLoss(Protocol):
    """Trains a segmenter from weak labels."""

    def __call__(self, logits: Tensor, labels: WeakLabels) -> Tensor:
        """A scalar, the mean over the images.

        Args:
            logits: (N, K, h, w), channel 0 the background; on any grid.
            labels: The weak labels of the same images.
        """
        ...


def present(tags: Tensor) -> Tensor:
    """(N, C) tags as (N, K) booleans of labels; the background is always present."""
    return torch.cat([torch.ones_like(tags[:, :1]), tags], dim=1) > 0
