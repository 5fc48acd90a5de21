"""Builds a tagger or a segmenter from its description, so that weights can be loaded."""

from __future__ import annotations

from typing import ClassVar, Literal

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.regions.classifier import RegionClassifier
from tag2mask.models.segmentation import DROPOUT, SEGMENTERS, Segmenter
from tag2mask.models.settings import Settings
from tag2mask.models.tagging import Tagger
from tag2mask.models.weak.affinity import AffinityNet

Model = Tagger | Segmenter | AffinityNet | RegionClassifier


class Architecture(Settings):
    """The description of a model, from which it is built before its weights are loaded.

    Args:
        kind: ``tagger``, ``segmenter``, ``affinity`` or ``regions``.
        backbone: One of :data:`tag2mask.models.backbones.BACKBONES`.
        output_stride: Output stride of the backbone, in pixels.
        head: The tagger's pooling, or one of :data:`tag2mask.models.segmentation.SEGMENTERS`, or
            one of :data:`tag2mask.models.regions.descriptors.DESCRIPTORS`; an affinity network has
            none.
        width: Channels of the segmenter's head; a tagger has none.
        dropout: Share of the head's values that is dropped in training.
        classes: Number of foreground classes.
    """

    old_names: ClassVar[dict[str, str]] = {"trunk": "backbone"}

    kind: Literal["tagger", "segmenter", "affinity", "regions"]
    backbone: str
    output_stride: int
    head: str = ""
    width: int = 0
    dropout: float = DROPOUT
    classes: int

    def build(self, pretrained: bool = False) -> Model:
        """The model, newly initialized, with ImageNet weights in the backbone on request.

        Raises:
            KeyError: If there is no such backbone or head.
        """
        backbone = BACKBONES[self.backbone](output_stride=self.output_stride, pretrained=pretrained)
        if self.kind == "tagger":
            return Tagger(backbone, self.classes, self.head)
        if self.kind == "affinity":
            return AffinityNet(backbone)
        if self.kind == "regions":
            return RegionClassifier(backbone, self.classes + 1, self.head)
        return SEGMENTERS[self.head](
            backbone, self.classes + 1, width=self.width, dropout=self.dropout
        )
