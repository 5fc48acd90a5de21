"""Style transfer in one pass, for one style (Johnson et al., ECCV 2016)."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import interpolate

from tag2mask.models.system import Batch, OptimizerStep, SystemSettings
from tag2mask.models.transformation.painter import Painter
from tag2mask.models.transformation.style import StyleSettings, StyleSystem, styles_of


class PainterSettings(StyleSettings):
    """Settings of a style transfer with a painter."""

    width: int = Field(32, ge=1, description="Channels of the painter at full size.")
    blocks: int = Field(5, ge=1, description="Residual blocks of the painter.")
    learning_rate: float = Field(1e-3, gt=0, description="Learning rate of Adam.")


class FastStyle(StyleSystem):
    """A painter that has learnt one style, by the loss of Gatys et al.

    The style is a buffer, stored with the weights. It is the image given to :meth:`take_style`,
    or else the first style of the training.
    """

    settings_type: ClassVar[type[SystemSettings]] = PainterSettings
    needs: ClassVar[tuple[str, ...]] = ("image",)
    averaged: ClassVar[tuple[str, ...]] = ("painter",)

    settings: PainterSettings
    style: Tensor
    has_style: Tensor

    def __init__(self, settings: PainterSettings) -> None:
        super().__init__(settings)
        self.painter = Painter(settings.width, settings.blocks)
        self.register_buffer("style", torch.zeros(1, 3, settings.size, settings.size))
        self.register_buffer("has_style", torch.tensor(False))

    def take_style(self, style: Tensor) -> None:
        """Sets the style to be learnt.

        Args:
            style: (1, 3, H, W) RGB in [-1, 1], resized to the size of the settings.
        """
        fitted = interpolate(style, self.style.shape[-2:], mode="bilinear", antialias=True)
        self.style.copy_(fitted)
        self.has_style.fill_(True)

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """One optimizer step of the painter."""
        rate = self.settings.learning_rate
        return (OptimizerStep("paint", ("painter",), rate, betas=(0.9, 0.999), final=0.0),)

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Content, style and smoothness of the painted images."""
        if not self.has_style:
            self.take_style(styles_of(batch)[:1])
        with torch.no_grad():
            targets = self.features(batch["image"]), self.features(self.style)
        return self.objective(self.painter(batch["image"]), *targets)

    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The images in the style."""
        return self.painter(batch["image"])

    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """Content, style and painted images, side by side."""
        style = self.style.expand(len(batch["image"]), -1, -1, -1)
        return super().show({**batch, "style": style}, rng)
