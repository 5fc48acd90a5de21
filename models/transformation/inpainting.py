"""Removal of objects: holes with the objects' outlines, filled with a likely background.

The system is the survey's inpainting (Yanai & Shimoda 2017, section 3.2) by pix2pix. There is no
ground truth behind an object. So in training each hole has the outline of an object of *another*
image, and is cut into the background of this one. Its ground truth is then known, and is
background. If holes had the outlines of the objects inside of them, the system would learn to paint
objects.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import max_pool2d

from tag2mask.models.system import Batch, SystemSettings
from tag2mask.models.transformation.pix2pix import Pix2Pix, Pix2PixSettings
from tag2mask.models.weak.cross_entropy import IGNORE


class InpaintingSettings(Pix2PixSettings):
    """Settings of pix2pix with holes."""

    rim: int = Field(
        2, ge=0, description="Rim of a hole around the mask, in pixels, which is also in the loss."
    )


class Inpainting(Pix2Pix):
    """pix2pix from an image with a hole, and the hole.

    :meth:`transform` removes all foreground of the mask.
    """

    settings_type: ClassVar[type[SystemSettings]] = InpaintingSettings
    settings: InpaintingSettings
    needs: ClassVar[tuple[str, ...]] = ("image", "mask")

    @classmethod
    def channels(cls, settings: Pix2PixSettings) -> int:
        """RGB and the hole."""
        del settings
        return 4

    def exercise(self, batch: Batch) -> Batch:
        """Holes with the outlines of the next image's objects, in this image's background."""
        others = _foreground(batch["mask"].roll(1, dims=0))
        holes = others & ~self._wider(batch["mask"] > 0)
        return {**batch, "mask": holes.long()}

    def given(self, batch: Batch) -> Tensor:
        """The image, gray in the hole, and the hole as 0 and 1."""
        hole = self._wider(_foreground(batch["mask"])).unsqueeze(1).float()
        return torch.cat([batch["image"] * (1 - hole), hole], dim=1)

    def finished(self, given: Tensor, made: Tensor) -> Tensor:
        """The generated image in the hole, and the original image around it."""
        image, hole = given[:, :3], given[:, 3:]
        return image + hole * made

    def loss_weights(self, given: Tensor) -> Tensor:
        """The hole and its rim."""
        return self._wider(given[:, 3] > 0).unsqueeze(1).to(given.dtype)

    def shown(self, given: Tensor) -> Tensor:
        """The image with its hole."""
        return given[:, :3]

    def _wider(self, area: Tensor) -> Tensor:
        """An area (N, H, W) with its rim, bool."""
        rim = self.settings.rim
        planes = area.unsqueeze(1).float()
        return max_pool2d(planes, 2 * rim + 1, stride=1, padding=rim).squeeze(1) > 0


def _foreground(mask: Tensor) -> Tensor:
    return (mask > 0) & (mask != IGNORE)
