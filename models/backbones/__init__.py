"""Backbones by name; each member builds a :class:`~tag2mask.models.backbones.base.Backbone`."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from tag2mask.models.backbones.base import Backbone
from tag2mask.models.backbones.efficientnet_lite import efficientnet_lite
from tag2mask.models.backbones.resnet import resnet50_backbone
from tag2mask.models.backbones.tiny import tiny_backbone
from tag2mask.models.backbones.vgg import vgg16_backbone

__all__ = ["BACKBONES", "Backbone", "BackboneBuilder"]


class BackboneBuilder(Protocol):
    """Builds a backbone at an output stride, in pixels, with or without ImageNet weights."""

    def __call__(self, *, output_stride: int = ..., pretrained: bool = ...) -> Backbone:
        """Builds it."""
        ...


BACKBONES: dict[str, BackboneBuilder] = {
    "efficientnet_lite0": partial(efficientnet_lite, "lite0"),
    "efficientnet_lite1": partial(efficientnet_lite, "lite1"),
    "efficientnet_lite2": partial(efficientnet_lite, "lite2"),
    "vgg16": vgg16_backbone,
    "resnet50": resnet50_backbone,
    "tiny": tiny_backbone,
}
