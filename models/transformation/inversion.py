"""Inverting features: the network f with f(φ(x)) ≈ x (Dosovitskiy & Brox, CVPR 2016).

It shows how much of an image is left in a stage of a backbone. It also makes images from changed
features, see decoded_style.py.
"""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate, mse_loss

from tag2mask.models.adversarial import SLOPE
from tag2mask.models.system import Batch, OptimizerStep, SystemSettings
from tag2mask.models.transformation.base import TransformingSystem
from tag2mask.models.transformation.perceptual import Perceptual


class FeatureDecoder(nn.Module):
    """Convolutions, then up-convolutions of 5x5 to the size of the image (section 3.2).

    Nothing is normalized, because the statistics of the features are inverted too.

    Args:
        channels: Channels of the features.
        stride: Stride of the features, in pixels of the image, a power of two.
        width: Channels at full size; doubled at each coarser level, to 8 times at most.
    """

    def __init__(self, channels: int, stride: int, width: int) -> None:
        super().__init__()
        levels = stride.bit_length() - 1
        widths = [width * min(2**level, 8) for level in range(levels, -1, -1)]
        self.first = nn.Sequential(
            nn.Conv2d(channels, widths[0], 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(widths[0], widths[0], 3, padding=1),
            nn.LeakyReLU(SLOPE),
        )
        self.up = nn.ModuleList(
            nn.Conv2d(before, after, 5, padding=2) for before, after in pairwise(widths)
        )
        self.last = nn.Conv2d(width, 3, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, SLOPE)

    def forward(self, features: Tensor, size: torch.Size) -> Tensor:
        """Images of the size (H, W): (N, 3, H, W) in [-1, 1].

        Args:
            features: (N, channels, ceil(H / stride), ceil(W / stride)).
            size: Size of the images, in pixels.
        """
        x = self.first(features)
        for layer in self.up:
            x = nn.functional.leaky_relu(layer(interpolate(x, scale_factor=2.0)), SLOPE)
        return self.last(x).tanh()[..., : size[0], : size[1]]


class InversionSettings(SystemSettings):
    """Settings of the inverted features and the network."""

    backbone: str = Field(
        "efficientnet_lite0", description="Backbone of the features; see perceptual.py."
    )
    stage: str = Field("c3", description="Inverted stage: c1, the finest, to c5.")
    width: int = Field(16, ge=1, description="Channels of the decoder at full size.")
    learning_rate: float = Field(1e-3, gt=0, description="Learning rate of Adam.")


class FeatureInversion(TransformingSystem):
    """Images from their own features."""

    settings_type: ClassVar[type[SystemSettings]] = InversionSettings
    averaged: ClassVar[tuple[str, ...]] = ("decoder",)
    settings: InversionSettings

    def __init__(self, settings: InversionSettings) -> None:
        super().__init__(settings)
        stage = settings.stage
        self.features = Perceptual(settings.backbone, (stage,))
        self.decoder = FeatureDecoder(
            self.features.channels[stage], self.features.strides[stage], settings.width
        )

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """One optimizer step of the decoder."""
        rate = self.settings.learning_rate
        return (OptimizerStep("invert", ("decoder",), rate, betas=(0.9, 0.999), final=0.0),)

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The squared error of the images (equation 1)."""
        return {"image": mse_loss(self._invert(batch["image"]), batch["image"])}

    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The images rebuilt from their features."""
        return self._invert(batch["image"])

    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The images and their reconstructions."""
        return torch.cat([batch["image"], self._invert(batch["image"])], dim=3)

    def _invert(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.features(images)[self.settings.stage]
        return self.decoder(features, images.shape[-2:])
