"""Masks from images, by any dense segmenter, as a system."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import interpolate

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.segmentation import SEGMENTERS, DeepSupervision
from tag2mask.models.system import Batch, OptimizerStep, SystemSettings
from tag2mask.models.transformation.base import TransformingSystem
from tag2mask.models.transformation.colors import label_colors
from tag2mask.models.weak.cross_entropy import pixel_cross_entropy


class SegmentationSystemSettings(SystemSettings):
    """A backbone and a head; the defaults are small enough to be trained in a minute."""

    backbone: str = Field(
        "tiny", description="Name of the backbone, one of tag2mask.models.backbones.BACKBONES."
    )
    pretrained: bool = Field(False, description="Start with the backbone's ImageNet weights.")
    output_stride: int = Field(8, ge=1, description="Output stride of the backbone, in pixels.")
    head: str = Field(
        "unet", description="Name of the head, one of tag2mask.models.segmentation.SEGMENTERS."
    )
    width: int = Field(48, ge=1, description="Channels of the head, if it has a width.")
    dropout: float = Field(
        0.1, ge=0, lt=1, description="Share of the head's values that is dropped in training."
    )
    enlarged: int = Field(
        1,
        ge=1,
        description="Enlargement of images for the backbone, because a backbone trained on "
        "photographs finds nothing in squares of 64 pixels.",
    )
    learning_rate: float = Field(2e-3, gt=0, description="Learning rate of Adam.")


class SegmentationSystem(TransformingSystem):
    """A fully supervised segmenter, trained by the pixel cross-entropy.

    To score generated photos (the FCN-score of Isola et al., CVPR 2017, section 4.1), it must be
    trained on other real photos than the generator.

    Args:
        settings: Settings of the segmenter.

    Raises:
        ValueError: If there is no such backbone or head, or they do not fit together.
    """

    settings_type: ClassVar[type[SystemSettings]] = SegmentationSystemSettings
    settings: SegmentationSystemSettings

    def __init__(self, settings: SegmentationSystemSettings) -> None:
        super().__init__(settings)
        for family, name in ((BACKBONES, settings.backbone), (SEGMENTERS, settings.head)):
            if name not in family:
                raise ValueError(f"unknown name {name!r}; choose one of {', '.join(family)}")
        backbone = BACKBONES[settings.backbone](
            output_stride=settings.output_stride, pretrained=settings.pretrained
        )
        self.segmenter = SEGMENTERS[settings.head](
            backbone, settings.classes + 1, width=settings.width, dropout=settings.dropout
        )

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """One optimizer step of the segmenter."""
        rate = self.settings.learning_rate
        return (OptimizerStep("segmenter", ("segmenter",), rate, betas=(0.9, 0.999), final=0.0),)

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The cross-entropy of all pixels that are not ignored."""
        output = self.segmenter(self._seen(batch["image"]))
        if isinstance(output, DeepSupervision):
            terms = {"logits": (output.logits, 1.0), "auxiliary": (output.auxiliary, output.weight)}
        else:
            terms = {"logits": (output, 1.0)}
        return {
            name: weight * pixel_cross_entropy(_resized(logits, batch["mask"]), batch["mask"])
            for name, (logits, weight) in terms.items()
        }

    @torch.no_grad()
    def labels(self, images: Tensor) -> Tensor:
        """The most probable labels (N, H, W) int64 of images in [-1, 1]."""
        return _resized(self.segmenter(self._seen(images)), images).argmax(dim=1)

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """The means over the image of every stage of the backbone, (N, F) float32."""
        stages = self.segmenter.backbone(self._seen(images))
        return torch.cat([stage.float().mean(dim=(2, 3)) for stage in stages.values()], dim=1)

    def _seen(self, images: Tensor) -> Tensor:
        """Images in [-1, 1] as inputs of the segmenter: in [0, 255], and large enough."""
        pixels = (images + 1) * 127.5
        side = self.settings.enlarged
        return pixels if side == 1 else interpolate(pixels, scale_factor=side, mode="bilinear")

    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The labels in their colors."""
        return label_colors(self.labels(batch["image"]))

    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """Image, labels and ground truth."""
        made = self.transform(batch, rng)
        return torch.cat([batch["image"], made, label_colors(batch["mask"])], dim=3)


def _resized(logits: Tensor, like: Tensor) -> Tensor:
    return interpolate(logits.float(), like.shape[-2:], mode="bilinear")
