"""Colorization with global features (Iizuka, Simo-Serra & Ishikawa, SIGGRAPH 2016)."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate, mse_loss

from tag2mask.models.adversarial import initialize
from tag2mask.models.system import Batch, OptimizerStep, SystemSettings
from tag2mask.models.transformation.base import TransformingSystem
from tag2mask.models.transformation.color_spaces import from_lab, to_lab
from tag2mask.models.transformation.encoder_decoder import Decoder, Encoder, padded, widths_of

LEVELS = 3  # levels of the low-level network, to an eighth of the side
RANGE = 110.0  # largest a* and b* of sRGB colors
MIDDLE = 50.0  # middle of the range of L*


class ColorizationSettings(SystemSettings):
    """Settings of the four networks of the paper's figure 2."""

    width: int = Field(64, ge=1, description="Channels of the first level; the rest follows.")
    skip: Literal["none", "add", "concatenate", "switches"] = Field(
        "none", description="Skip connections from the low-level features; the paper has none."
    )
    tags: float = Field(1 / 300, ge=0, description="Weight α of the tags' loss (equation 5).")
    learning_rate: float = Field(1e-3, gt=0, description="Learning rate of Adam.")


class Colorization(TransformingSystem):
    """Colors from the light alone: local features, fused with features of the whole image.

    The global features also predict the tags of the image, so that weak labels teach the colors.
    An image has several tags, so each is a prediction of its own. (The paper's images have one
    class each.)
    """

    settings_type: ClassVar[type[SystemSettings]] = ColorizationSettings
    settings: ColorizationSettings

    def __init__(self, settings: ColorizationSettings) -> None:
        super().__init__(settings)
        widths = widths_of(settings.width, LEVELS)
        local = widths[-1]
        self.low = Encoder(1, widths)
        self.whole = GlobalFeatures(local, math.ceil(settings.size / self.low.stride))
        self.fusion = Fusion(local, self.whole.outputs, local)
        self.colors = Decoder(widths, 2, settings.skip)
        self.tags = nn.Linear(self.whole.outputs, settings.classes)

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """One optimizer step of all networks."""
        networks = ("low", "whole", "fusion", "colors", "tags")
        return (OptimizerStep("colors", networks, self.settings.learning_rate, (0.9, 0.999), 0.1),)

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The squared error of the colors, and α times the cross entropy of the tags."""
        del step, rng
        lab = to_lab(batch["image"])
        colors, logits = self(lab[:, :1])
        return {
            "colors": mse_loss(colors, lab[:, 1:] / RANGE),
            "tags": self.settings.tags * binary_cross_entropy_with_logits(logits, batch["tags"]),
        }

    def forward(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """The colors and the tags of images.

        Args:
            lightness: (N, 1, H, W), L* in [0, 100].

        Returns:
            a* and b* in units of 110, (N, 2, H, W) in [-1, 1], and logits (N, C).
        """
        height, width = lightness.shape[-2:]
        light = lightness / MIDDLE - 1
        features = self.low(padded(light, self.low.stride))
        # As in the paper, the global branch gets every image at one size.
        size = (self.settings.size, self.settings.size)
        fitted = interpolate(light, size, mode="bilinear", antialias=True)
        whole = self.whole(self.low(padded(fitted, self.low.stride))[-1])
        features[-1] = self.fusion(features[-1], whole)
        return self.colors(features)[..., :height, :width].tanh(), self.tags(whole)

    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The images in new colors, from their light alone."""
        del rng
        lightness = to_lab(batch["image"])[:, :1]
        colors, _ = self(lightness)
        return from_lab(torch.cat([lightness, RANGE * colors], dim=1))

    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The light, the predicted colors and the true colors."""
        lightness = to_lab(batch["image"])[:, :1]
        gray = from_lab(torch.cat([lightness, torch.zeros_like(lightness).repeat(1, 2, 1, 1)], 1))
        return torch.cat([gray, self.transform(batch, rng), batch["image"]], dim=3)


class GlobalFeatures(nn.Module):
    """Features of the whole image: two halvings, then fully connected layers (section 3.2).

    Args:
        inputs: Channels of the low-level features.
        side: Side of the low-level features, in their pixels; they are square.

    Attributes:
        outputs: Length of the vector.
    """

    def __init__(self, inputs: int, side: int) -> None:
        super().__init__()
        self.outputs = inputs
        self.halvings = nn.Sequential(*(_convolution(inputs, stride) for stride in (2, 1, 2, 1)))
        area = math.ceil(side / 4) ** 2
        self.vector = nn.Sequential(
            nn.Flatten(), nn.Linear(inputs * area, 2 * inputs), nn.ReLU(),
            nn.Linear(2 * inputs, inputs), nn.ReLU(),
        )  # fmt: skip
        initialize(self)

    def forward(self, features: Tensor) -> Tensor:
        """(N, inputs, side, side) to (N, outputs)."""
        return self.vector(self.halvings(features))


class Fusion(nn.Module):
    """Local features joined with global ones (equation 2): a linear layer at every place.

    Args:
        local: Channels of the local features.
        whole: Length of the global vector.
        outputs: Channels of the fused features.
    """

    def __init__(self, local: int, whole: int, outputs: int) -> None:
        super().__init__()
        self.middle = nn.Sequential(_convolution(local, 1), _convolution(local, 1))
        self.fuse = nn.Conv2d(local + whole, outputs, 1)
        initialize(self)

    def forward(self, local: Tensor, whole: Tensor) -> Tensor:
        """(N, local, h, w) and (N, whole) to (N, outputs, h, w)."""
        middle = self.middle(local)
        everywhere = whole[..., None, None].expand(-1, -1, *middle.shape[-2:])
        return self.fuse(torch.cat([middle, everywhere], dim=1)).relu()


def _convolution(channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    )
