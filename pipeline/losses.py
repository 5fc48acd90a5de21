"""Losses of the loop's models, from a model's output to a scalar."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate

from models.tagging import Tags, tagging_loss
from models.weak.cross_entropy import pixel_cross_entropy, soft_cross_entropy


def tags_loss(output: Tags, targets: Tensor) -> Tensor:
    """The sigmoid cross-entropy of a tagger's logits, in float32."""
    return tagging_loss(output.logits.float(), targets)


def soft_loss(output: Tensor, targets: Tensor) -> Tensor:
    """The soft cross-entropy on the grid of the targets."""
    return soft_cross_entropy(on_grid(output, targets), targets)


def hard_loss(output: Tensor, targets: Tensor) -> Tensor:
    """The pixel cross-entropy on the grid of the targets."""
    return pixel_cross_entropy(on_grid(output, targets), targets)


def on_grid(logits: Tensor, targets: Tensor) -> Tensor:
    """Logits (N, K, h, w) resized to the last two axes of the targets, in float32."""
    return interpolate(logits.float(), targets.shape[-2:], mode="bilinear")
