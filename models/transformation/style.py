"""The base of all style transfers: features, the loss, and the sample grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import interpolate, mse_loss

from tag2mask.models.system import Batch, SystemSettings
from tag2mask.models.transformation.base import TransformingSystem
from tag2mask.models.transformation.perceptual import Perceptual
from tag2mask.models.transformation.statistics import STYLE_DISTANCES

Features = Mapping[str, Tensor]


class StyleSettings(SystemSettings):
    """Settings of every style transfer."""

    backbone: str = Field(
        "efficientnet_lite0", description="Backbone of the features; see perceptual.py."
    )
    content_stage: str = Field("c3", description="Stage of the content's features.")
    style_stages: tuple[str, ...] = Field(
        ("c0", "c1", "c2", "c3", "c4"), min_length=1, description="Stages of the style's features."
    )
    distance: str = Field("gram", description="Distance of styles, one of STYLE_DISTANCES.")
    style_weight: float = Field(500.0, gt=0, description="Weight of the style against the content.")
    smoothness: float = Field(30.0, ge=0, description="Weight of the total variation.")


class StyleSystem(TransformingSystem):
    """A system that paints an image in the style of another one.

    In training the styles are ``style`` (N, 3, H, W) of the batch, or the other images of the
    batch if it has no styles.
    """

    settings_type: ClassVar[type[SystemSettings]] = StyleSettings
    needs: ClassVar[tuple[str, ...]] = ("image", "style")

    settings: StyleSettings

    def __init__(self, settings: StyleSettings) -> None:
        super().__init__(settings)
        self.features = Perceptual(
            settings.backbone, (settings.content_stage, *settings.style_stages)
        )

    def objective(self, images: Tensor, content: Features, style: Features) -> dict[str, Tensor]:
        """The loss of Gatys et al. (CVPR 2016, eq. 7), with total variation.

        Args:
            images: (N, 3, H, W) RGB in [-1, 1].
            content: Features of images of the same size.
            style: Features of the styles, N or one.

        Returns:
            The terms, scalars; their sum is the loss.
        """
        settings = self.settings
        features = self.features(images)
        stage = settings.content_stage
        return {
            "content": mse_loss(features[stage], content[stage]),
            "style": settings.style_weight * self.style_distance(features, style).mean(),
            "smoothness": settings.smoothness * total_variation(images),
        }

    def style_distance(self, features: Features, style: Features) -> Tensor:
        """The distance of the styles, (N,), the mean over the stages."""
        distance = STYLE_DISTANCES[self.settings.distance]
        stages = self.settings.style_stages
        # Half precision would not hold the differences of second moments.
        with torch.autocast(features[stages[0]].device.type, enabled=False):
            distances = [distance(features[s].float(), style[s].float()) for s in stages]
        return torch.stack(distances).mean(dim=0)

    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """Content, style and result, side by side."""
        content, style = batch["image"], styles_of(batch)
        with torch.no_grad():
            made = self.transform({**batch, "style": style}, rng)
        fitted = interpolate(style, content.shape[-2:], mode="bilinear", antialias=True)
        return torch.cat([content, fitted, made], dim=3)


def styles_of(batch: Batch) -> Tensor:
    """The styles of a batch, or the batch's other images if it has no styles."""
    return batch["style"] if "style" in batch else batch["image"].roll(1, dims=0)


def total_variation(images: Tensor) -> Tensor:
    """The mean squared difference of neighboring pixels (N, C, H, W), a scalar."""
    down = images[..., 1:, :] - images[..., :-1, :]
    right = images[..., :, 1:] - images[..., :, :-1]
    return down.square().mean() + right.square().mean()
