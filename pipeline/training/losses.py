"""Losses of taggers, segmenters and affinity networks, each a mean with its weight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from tag2mask.models.segmentation import DeepSupervision
from tag2mask.models.tagging import Tags, tagging_loss
from tag2mask.models.weak import WEAK_LOSSES, WeakLabels, WeakLoss
from tag2mask.models.weak.affinity import affinity_loss
from tag2mask.models.weak.cross_entropy import (
    IGNORE,
    pixel_cross_entropy,
    soft_cross_entropy,
    weighted_cross_entropy,
)


class Mean(NamedTuple):
    """A mean over a part of a batch; means of several parts are joined by their weights.

    Attributes:
        value: Scalar with a gradient.
        weight: Scalar without a gradient: the number of images or pixels of the mean.
    """

    value: Tensor
    weight: Tensor


Loss = Callable[[Any, Any], Mean]  # from the output and the targets


def tags_loss(output: Tags, targets: Tensor) -> Mean:
    """The sigmoid cross-entropy of a tagger's logits, in float32, over images."""
    count = targets.new_tensor(len(targets))
    return Mean(tagging_loss(output.logits.float(), targets), count)


def soft_loss(output: Tensor | DeepSupervision, targets: Tensor) -> Mean:
    """The soft cross-entropy on the grid of the targets, over labeled pixels."""
    return Mean(_supervised(soft_cross_entropy, output, targets), targets.sum())


def hard_loss(output: Tensor | DeepSupervision, targets: Tensor) -> Mean:
    """The pixel cross-entropy on the grid of the targets, over labeled pixels."""
    labeled = (targets != IGNORE).sum()
    return Mean(_supervised(pixel_cross_entropy, output, targets), labeled)


def pairs_loss(output: Tensor, targets: Tensor) -> Mean:
    """The affinity loss of each image, over images, so that shares of a batch join exactly."""
    images = zip(output.float(), targets, strict=True)
    losses = [affinity_loss(features[None], labels[None]) for features, labels in images]
    return Mean(torch.stack(losses).mean(), targets.new_tensor(len(targets)))


def reduced_loss(output: Tensor | DeepSupervision, targets: Tensor) -> Mean:
    """The pixel cross-entropy on the grid of the logits, over labeled places of that grid.

    Labels are reduced to the grid by the nearest neighbor, without interpolation.
    """
    logits = output if isinstance(output, Tensor) else output.logits
    labels = interpolate(targets[:, None].float(), logits.shape[2:], mode="nearest-exact")
    return hard_loss(output, labels[:, 0].long())


def weighted_loss(output: Tensor, targets: tuple[Tensor, Tensor]) -> Mean:
    """The pixel cross-entropy under weights of pixels, on the grid of the targets."""
    labels, weights = targets
    value = weighted_cross_entropy(on_grid(output, labels), labels, weights)
    return Mean(value, (weights * (labels != IGNORE)).sum())


@dataclass(frozen=True)
class WeakObjective:
    """A weak loss by its name, over images; picklable.

    Args:
        name: One of :data:`tag2mask.models.weak.WEAK_LOSSES`.
    """

    name: str

    @cached_property
    def _loss(self) -> WeakLoss:
        return WEAK_LOSSES[self.name]()

    def __call__(self, output: Tensor | DeepSupervision, targets: tuple[Tensor, ...]) -> Mean:
        """The loss at the stride of the logits; it does not train an auxiliary branch."""
        logits = output if isinstance(output, Tensor) else output.logits
        labels = WeakLabels(*targets)
        return Mean(self._loss(logits.float(), labels), labels.tags.new_tensor(len(labels.tags)))


def _supervised(
    loss: Callable[[Tensor, Tensor], Tensor], output: Tensor | DeepSupervision, targets: Tensor
) -> Tensor:
    """A loss of the logits, plus a weighted loss of auxiliary logits if there are any."""
    if isinstance(output, Tensor):
        return loss(on_grid(output, targets), targets)
    auxiliary = loss(on_grid(output.auxiliary, targets), targets)
    return loss(on_grid(output.logits, targets), targets) + output.weight * auxiliary


def on_grid(logits: Tensor, targets: Tensor) -> Tensor:
    """Logits (N, K, h, w) resized to the last two axes of the targets, in float32."""
    return interpolate(logits.float(), targets.shape[-2:], mode="bilinear")
