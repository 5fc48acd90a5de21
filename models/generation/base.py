"""What every generating system is: a system that also makes images from noise."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from tag2mask.models.system import Batch, System


class GeneratingSystem(System):
    """A system that makes images from noise and, where it has one, a condition.

    Attributes:
        needs: Names of what :meth:`sample` must be told, as in a batch: ``tags``, ``mask``,
            ``image``; nothing for a system without a condition.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def sample(self, count: int, wanted: Batch, rng: torch.Generator) -> Tensor:
        """New images.

        Args:
            count: How many, N.
            wanted: What :attr:`needs` names, N of each; see :class:`tag2mask.models.system.System`.
            rng: For the noise, on the networks' device.

        Returns:
            (N, 3, H, W) float32 RGB in [-1, 1].
        """


@runtime_checkable
class ReadsSentences(Protocol):
    """A generating system that can be told in words what to show, in place of its needs."""

    def read(self, sentences: Sequence[str]) -> Tensor:
        """Sentences as (N, L) int64, which :meth:`GeneratingSystem.sample` takes as ``words``.

        Raises:
            ValueError: If a sentence is none that can be said, naming what can.
        """
        ...
