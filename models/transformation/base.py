"""What every transforming system is: a system that also makes pictures from pictures."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from models.system import Batch, System


class TransformingSystem(System):
    """A system that makes a picture from a picture, a mask or both.

    Attributes:
        needs: Names of what :meth:`transform` must be given, as in a batch: ``image``,
            ``mask``, ``tags``, or ``style`` (a second picture, of any size).
    """

    needs: ClassVar[tuple[str, ...]] = ("image",)

    @abstractmethod
    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The pictures that the system makes.

        Args:
            batch: What :attr:`needs` names, with pictures and masks of any one height and
                width of at least 16 pixels; see :class:`models.system.System`.
            rng: For noise, on the networks' device.

        Returns:
            (N, 3, H, W) float32 RGB in [-1, 1]; what is no picture, such as flow or depth,
            in colours for a person.
        """
