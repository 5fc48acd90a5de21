"""Trunks by name; each member builds a :class:`~tag2mask.models.backbones.base.Trunk`."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from tag2mask.models.backbones.base import Trunk
from tag2mask.models.backbones.efficientnet_lite import efficientnet_lite
from tag2mask.models.backbones.resnet import resnet50_trunk
from tag2mask.models.backbones.tiny import tiny_trunk
from tag2mask.models.backbones.vgg import vgg16_trunk

__all__ = ["TRUNKS", "Trunk", "TrunkBuilder"]


class TrunkBuilder(Protocol):
    """Builds a trunk at an output stride, in pixels, with or without ImageNet weights."""

    def __call__(self, *, output_stride: int = ..., pretrained: bool = ...) -> Trunk:
        """Builds it."""
        ...


TRUNKS: dict[str, TrunkBuilder] = {
    "efficientnet_lite0": partial(efficientnet_lite, "lite0"),
    "efficientnet_lite1": partial(efficientnet_lite, "lite1"),
    "efficientnet_lite2": partial(efficientnet_lite, "lite2"),
    "vgg16": vgg16_trunk,
    "resnet50": resnet50_trunk,
    "tiny": tiny_trunk,
}
