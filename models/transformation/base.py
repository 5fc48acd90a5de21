"""What every transforming system is: a system that also makes images from images."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from tag2mask.models.system import Batch, System


class TransformingSystem(System):
    """A system that makes an image from an image, a mask or both.

    Attributes:
        needs: Names of what :meth:`transform` must be given, as in a batch: ``image``,
            ``mask``, ``tags``, ``style`` (a second image, of any size) or ``next`` (the same
            scene a moment later, of the image's size).
    """

    needs: ClassVar[tuple[str, ...]] = ("image",)

    @abstractmethod
    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The images that the system makes.

        Args:
            batch: What :attr:`needs` names, with images and masks of any one height and
                width of at least 16 pixels; see :class:`tag2mask.models.system.System`.
            rng: For noise, on the networks' device.

        Returns:
            (N, 3, h, w) float32 RGB in [-1, 1], of the size :meth:`made_size`; what is no
            image, such as flow or depth, in colors for a person.
        """

    def made_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what :meth:`transform` makes of images of a size: that size."""
        return height, width
