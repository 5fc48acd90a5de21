"""Photos from label masks (Isola et al., CVPR 2017, section 4)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tag2mask.models.label_planes import label_planes
from tag2mask.models.system import Batch
from tag2mask.models.transformation.colors import label_colors
from tag2mask.models.transformation.pix2pix import Pix2Pix, Pix2PixSettings
from tag2mask.models.weak.cross_entropy import IGNORE


class MaskToPhoto(Pix2Pix):
    """pix2pix from a label mask, with one channel for each pixel value.

    Ignored pixels and pixels of unknown classes are zero in all channels
    (:func:`tag2mask.models.label_planes.label_planes`).
    """

    needs: ClassVar[tuple[str, ...]] = ("mask",)

    @classmethod
    def channels(cls, settings: Pix2PixSettings) -> int:
        """Background and the classes."""
        return settings.classes + 1

    def given(self, batch: Batch) -> Tensor:
        """The mask, one-hot."""
        return label_planes(batch["mask"], self.settings.classes)

    def shown(self, given: Tensor) -> Tensor:
        """The mask in its colors."""
        return label_colors(torch.where(given.any(dim=1), given.argmax(dim=1), IGNORE))
