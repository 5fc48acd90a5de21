"""The base of all transforming systems: systems that also make images from images."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from tag2mask.models.system import Batch, System


class TransformingSystem(System):
    """A system that makes an image from an image, a mask or both.

    Attributes:
        needs: Names of the inputs of :meth:`transform`, as in a batch: ``image``, ``mask``,
            ``tags``, ``style`` (a second image, of any size) or ``next`` (the same scene a
            moment later, of the image's size).
    """

    needs: ClassVar[tuple[str, ...]] = ("image",)

    @abstractmethod
    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The images that the system makes.

        Args:
            batch: The inputs named by :attr:`needs`, with images and masks of one height and
                width of at least 16 pixels; see :class:`tag2mask.models.system.System`.
            rng: Draws noise, on the networks' device.

        Returns:
            (N, 3, h, w) float32 RGB in [-1, 1], of the size :meth:`made_size`. Results that are
            not images, such as flow or depth, are shown in colors.
        """

    def made_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the results of :meth:`transform` for images of a size: that size."""
        return height, width
