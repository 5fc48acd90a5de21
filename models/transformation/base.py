"""What every transforming system is: a system that also makes pictures from pictures."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from tag2mask.models.system import Batch, System


class TransformingSystem(System):
    """A system that makes a picture from a picture, a mask or both.

    Attributes:
        needs: Names of what :meth:`transform` must be given, as in a batch: ``image``,
            ``mask``, ``tags``, ``style`` (a second picture, of any size) or ``next`` (the same
            scene a moment later, of the picture's size).
    """

    needs: ClassVar[tuple[str, ...]] = ("image",)

    @abstractmethod
    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The pictures that the system makes.

        Args:
            batch: What :attr:`needs` names, with pictures and masks of any one height and
                width of at least 16 pixels; see :class:`tag2mask.models.system.System`.
            rng: For noise, on the networks' device.

        Returns:
            (N, 3, h, w) float32 RGB in [-1, 1], of the size :meth:`made_size`; what is no
            picture, such as flow or depth, in colours for a person.
        """

    def made_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what :meth:`transform` makes of pictures of a size: that size."""
        return height, width
