"""The base of all generating systems: systems that also make images from noise."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from tag2mask.models.system import Batch, System


class GeneratingSystem(System):
    """A system that makes images from noise and a condition, if it has one.

    Attributes:
        needs: Names of the inputs of :meth:`sample`, as in a batch: ``tags``, ``mask``,
            ``image``; empty for a system without a condition.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def sample(self, count: int, wanted: Batch, rng: torch.Generator) -> Tensor:
        """New images.

        Args:
            count: Number N of images.
            wanted: The inputs named by :attr:`needs`, N of each, as in
                :class:`tag2mask.models.system.System`.
            rng: Draws the noise, on the networks' device.

        Returns:
            (N, 3, H, W) float32 RGB in [-1, 1].
        """


@runtime_checkable
class ReadsSentences(Protocol):
    """A generating system that also takes sentences, in place of its needs."""

    def read(self, sentences: Sequence[str]) -> Tensor:
        """Sentences as (N, L) int64, which :meth:`GeneratingSystem.sample` takes as ``words``.

        Raises:
            ValueError: If a sentence cannot be read, with the readable forms and words.
        """
        ...
