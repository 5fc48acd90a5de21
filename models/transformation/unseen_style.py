"""Any style from one image, in one pass, and mixtures of styles.

A style network encodes the style, and the code conditions a painter (Yanai, ICLR workshop 2017,
"Unseen style transfer based on a conditional fast style transfer network").
"""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from tag2mask.models.adversarial import SLOPE
from tag2mask.models.system import Batch, OptimizerStep, SystemSettings
from tag2mask.models.transformation.fast_style import PainterSettings
from tag2mask.models.transformation.painter import Painter
from tag2mask.models.transformation.statistics import moments
from tag2mask.models.transformation.style import StyleSystem, styles_of

LEVELS = 4  # halvings in the style network


class UnseenStyleSettings(PainterSettings):
    """Settings of the painter and the style network."""

    code: int = Field(64, ge=1, description="Length of a style's code.")
    style_width: int = Field(32, ge=1, description="Channels of the style network's first level.")


class StyleEncoder(nn.Module):
    """Strided convolutions, and the mean and the deviation of each over all places.

    Places are not kept, as in every measure of style. Nothing is normalized, because that would
    remove the style itself.

    Args:
        width: Channels of the first level, doubled at each of the next.
        code: Length of the code.
    """

    def __init__(self, width: int, code: int) -> None:
        super().__init__()
        widths = [3, *(width * 2**level for level in range(LEVELS))]
        self.levels = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2, padding=1) for before, after in pairwise(widths)
        )
        self.code = nn.Linear(2 * sum(widths), code)

    def forward(self, styles: Tensor) -> Tensor:
        """(N, 3, H, W) in [-1, 1], of at least 16 pixels a side, to codes (N, code)."""
        x, statistics = styles, [*moments(styles)]
        for level in self.levels:
            x = nn.functional.leaky_relu(level(x), SLOPE)
            statistics += moments(x)
        return self.code(torch.cat(statistics, dim=1).flatten(1))


class UnseenStyle(StyleSystem):
    """Paints an image in the style of a second one, which need not be in the training.

    Mixtures of codes are mixtures of styles::

        codes = 0.3 * system.encoder(first) + 0.7 * system.encoder(second)
        mixed = system.painter(images, codes)
    """

    settings_type: ClassVar[type[SystemSettings]] = UnseenStyleSettings
    averaged: ClassVar[tuple[str, ...]] = ("painter", "encoder")
    settings: UnseenStyleSettings

    def __init__(self, settings: UnseenStyleSettings) -> None:
        super().__init__(settings)
        self.encoder = StyleEncoder(settings.style_width, settings.code)
        self.painter = Painter(settings.width, settings.blocks, settings.code)

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """One optimizer step of both networks."""
        rate = self.settings.learning_rate
        return (
            OptimizerStep("paint", ("encoder", "painter"), rate, betas=(0.9, 0.999), final=0.0),
        )

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Content, style and smoothness of images in their styles."""
        style = styles_of(batch)
        with torch.no_grad():
            targets = self.features(batch["image"]), self.features(style)
        return self.objective(self._paint(batch["image"], style), *targets)

    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The images in their styles, one style for each or one for all."""
        return self._paint(batch["image"], batch["style"])

    def _paint(self, images: Tensor, styles: Tensor) -> Tensor:
        codes = self.encoder(styles)
        return self.painter(images, codes.expand(len(images), -1))
