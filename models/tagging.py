"""The tagger: a fully convolutional multi-label classifier whose class maps are seeds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tag2mask.models.backbones.base import Backbone

Pooling = Callable[[Tensor], Tensor]


def max_pool(class_maps: Tensor) -> Tensor:
    """Global max pooling (Oquab et al., CVPR 2015): (N, C, h, w) to (N, C)."""
    return class_maps.amax(dim=(2, 3))


def average_pool(class_maps: Tensor) -> Tensor:
    """Global average pooling (Zhou et al., CVPR 2016, CAM): (N, C, h, w) to (N, C)."""
    return class_maps.mean(dim=(2, 3))


def log_sum_exp_pool(class_maps: Tensor, sharpness: float = 5.0) -> Tensor:
    """Log-sum-exp pooling (Pinheiro & Collobert, CVPR 2015, eq. 5).

    A smooth step between the average (sharpness to 0) and the maximum (to infinity).

    Args:
        class_maps: (N, C, h, w) logits.
        sharpness: The paper's r; the paper found values of about 5 to be best.

    Returns:
        (N, C) logits.
    """
    positions = class_maps.shape[2] * class_maps.shape[3]
    pooled = torch.logsumexp(sharpness * class_maps, dim=(2, 3)) - math.log(positions)
    return pooled / sharpness


POOLINGS: dict[str, Pooling] = {
    "max": max_pool,
    "average": average_pool,
    "log_sum_exp": log_sum_exp_pool,
}


class Tags(NamedTuple):
    """The output of a tagger for a batch: logits (N, C) and class maps (N, C, h, w)."""

    logits: Tensor
    class_maps: Tensor


class Tagger(nn.Module):
    """A backbone, a 1x1 classifier and a global pooling of its class maps.

    The classifier is a convolution without anything after it but the pooling, so that its
    maps are class activation maps and its logits can be back-propagated from every place.

    Args:
        backbone: The feature extractor.
        classes: Number of foreground classes C; channel i is pixel value i + 1.
        pooling: One of ``POOLINGS``.

    Raises:
        KeyError: If there is no such pooling.
    """

    def __init__(self, backbone: Backbone, classes: int, pooling: str = "max") -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = nn.Conv2d(backbone.channels["c5"], classes, 1)
        nn.init.normal_(self.classifier.weight, std=0.01)
        self.pool = POOLINGS[pooling]

    def forward(self, images: Tensor) -> Tags:
        """Images (N, 3, H, W), RGB in [0, 255], to logits and class maps."""
        maps = self.classifier(self.backbone(images)["c5"])
        return Tags(self.pool(maps), maps)


def tagging_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Multi-label sigmoid cross-entropy, the mean over images and classes.

    Args:
        logits: (N, C).
        targets: (N, C) in {0, 1}.
    """
    return nn.functional.binary_cross_entropy_with_logits(logits, targets)
