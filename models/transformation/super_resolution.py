"""Super-resolution by sub-pixel convolution (ESPCN; Shi et al., CVPR 2016)."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate, mse_loss

from tag2mask.models.system import Batch, OptimizerStep, SystemSettings
from tag2mask.models.transformation.base import TransformingSystem
from tag2mask.models.transformation.color_spaces import from_ycbcr, luminance, to_ycbcr


class SuperResolutionSettings(SystemSettings):
    """Settings of ESPCN; the default is the paper's network."""

    factor: int = Field(3, ge=2, le=8, description="Enlargement factor.")
    widths: tuple[int, int] = Field((64, 32), description="Channels of the two hidden layers.")
    learning_rate: float = Field(1e-3, gt=0, description="Initial learning rate of Adam.")


class SuperResolution(TransformingSystem):
    """Three convolutions at low resolution, whose channels become sub-pixels.

    Only the luminance is enlarged so. Colors are enlarged bicubically, because the difference is
    invisible (section 3.2). In training the low resolution is made from the images, by a bicubic
    filter wide enough to avoid aliasing.
    """

    settings_type: ClassVar[type[SystemSettings]] = SuperResolutionSettings
    settings: SuperResolutionSettings

    def __init__(self, settings: SuperResolutionSettings) -> None:
        super().__init__(settings)
        first, second = settings.widths
        self.network = nn.Sequential(
            nn.Conv2d(1, first, 5, padding=2, padding_mode="replicate"),
            nn.Tanh(),
            nn.Conv2d(first, second, 3, padding=1, padding_mode="replicate"),
            nn.Tanh(),
            nn.Conv2d(second, settings.factor**2, 3, padding=1, padding_mode="replicate"),
            nn.PixelShuffle(settings.factor),
        )

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """One optimizer step; its learning rate falls to a hundredth, as in the paper."""
        return (
            OptimizerStep("network", ("network",), self.settings.learning_rate, (0.9, 0.999), 0.01),
        )

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The mean squared error of the luminance (equation 4)."""
        del step, rng
        small, true = self.reduced(batch["image"])
        return {"luminance": mse_loss(self.network(luminance(small)), luminance(true))}

    def reduced(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images at the low resolution, and cut to a multiple of it: the ground truth.

        Args:
            images: (N, 3, H, W) RGB in [-1, 1].

        Returns:
            (N, 3, h, w) and (N, 3, h · factor, w · factor).
        """
        factor = self.settings.factor
        height, width = (side // factor for side in images.shape[-2:])
        true = images[..., : height * factor, : width * factor]
        small = interpolate(true, (height, width), mode="bicubic", antialias=True)
        return small.clamp(-1, 1), true

    def enlarged(self, images: Tensor) -> Tensor:
        """Images enlarged bicubically, the baseline of the system."""
        factor = self.settings.factor
        return interpolate(images, scale_factor=factor, mode="bicubic").clamp(-1, 1)

    def made_size(self, height: int, width: int) -> tuple[int, int]:
        """Larger by the factor."""
        return height * self.settings.factor, width * self.settings.factor

    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The images, larger by the factor."""
        del rng
        images = batch["image"]
        colors = to_ycbcr(self.enlarged(images))[:, 1:]
        return from_ycbcr(torch.cat([self.network(luminance(images)), colors], dim=1))

    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """A reduced image enlarged bicubically, enlarged by the system, and the ground truth."""
        small, true = self.reduced(batch["image"])
        made = self.transform({"image": small}, rng)
        return torch.cat([self.enlarged(small), made, true], dim=3)
