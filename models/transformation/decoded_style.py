"""Style transfer by changing features and decoding them, in one pass for any style."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import mse_loss

from tag2mask.models.system import Batch, OptimizerStep, SystemSettings
from tag2mask.models.transformation.inversion import FeatureDecoder
from tag2mask.models.transformation.style import StyleSettings, StyleSystem, styles_of


class DecodedStyleSettings(StyleSettings):
    """Settings of the changed features, and of the network that decodes them."""

    content_stage: str = Field("c2", description="Stage whose features are changed.")
    style_weight: float = Field(1.0, gt=0, description="Weight of the style against the content.")
    smoothness: float = Field(0.3, ge=0, description="Weight of the total variation.")
    width: int = Field(16, ge=1, description="Channels of the decoder at full size.")
    learning_rate: float = Field(1e-3, gt=0, description="Learning rate of Adam.")


class DecodedStyle(StyleSystem):
    """A style transfer that changes features and decodes them; members define the change.

    The decoder learns from unchanged features, where the image itself is the target. It also
    learns from changed features, where the target is that the result has these features (Chen &
    Schmidt, 2016, equation 7). Trained on unchanged features alone, it would fail on changed ones.
    """

    settings_type: ClassVar[type[SystemSettings]] = DecodedStyleSettings
    averaged: ClassVar[tuple[str, ...]] = ("decoder",)
    settings: DecodedStyleSettings

    def __init__(self, settings: DecodedStyleSettings) -> None:
        super().__init__(settings)
        stage = settings.content_stage
        self.decoder = FeatureDecoder(
            self.features.channels[stage], self.features.strides[stage], settings.width
        )

    @abstractmethod
    def restyle(self, content: Tensor, style: Tensor) -> Tensor:
        """The content's features in the style of other features.

        Args:
            content: (N, C, h, w).
            style: (N, C, h', w').

        Returns:
            (N, C, h, w).
        """

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """One optimizer step of the decoder."""
        rate = self.settings.learning_rate
        return (OptimizerStep("decode", ("decoder",), rate, betas=(0.9, 0.999), final=0.0),)

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The error of the image, the error of the features, the style and the smoothness."""
        images, stage = batch["image"], self.settings.content_stage
        with torch.no_grad():
            content, style = self.features(images), self.features(styles_of(batch))
            wanted = self.restyle(content[stage], style[stage])
        rebuilt, made = (
            self.decoder(features, images.shape[-2:]) for features in (content[stage], wanted)
        )
        return {
            "image": mse_loss(rebuilt, images),
            **self.objective(made, {stage: wanted}, style),
        }

    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The images in their styles."""
        stage = self.settings.content_stage
        images = batch["image"]
        with torch.no_grad():
            content = self.features(images)[stage]
            style = self.features(batch["style"])[stage]
        return self.decoder(self.restyle(content, style), images.shape[-2:])
