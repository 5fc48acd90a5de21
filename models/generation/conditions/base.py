"""What a condition is: what generator and discriminator are told, and the loss that follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from tag2mask.models.system import Batch


class Facts(NamedTuple):
    """What is said about images.

    Attributes:
        vector: (N, ...) numbers or words; readers make (N, V) float32 of them.
        planes: (N, P, h, w) float32 maps; P is 0 where there are none.
    """

    vector: Tensor
    planes: Tensor


class Wrong(NamedTuple):
    """Facts that do not fit to the images.

    Attributes:
        facts: Of another image each.
        counts: (N,) bool; false where no image of the batch has other facts.
    """

    facts: Facts
    counts: Tensor


def said(vector: Tensor) -> Facts:
    """Facts without maps."""
    return Facts(vector, vector.new_zeros(len(vector), 0, 1, 1, dtype=torch.float32))


class Reader(nn.Module):
    """How a network reads facts; this one gives them on as they are.

    Args:
        vector: Length V of the vector that the network is given.
        planes: Number P of the maps that it is given.
    """

    def __init__(self, vector: int = 0, planes: int = 0) -> None:
        super().__init__()
        self.vector, self.planes = vector, planes

    def forward(self, facts: Facts) -> Facts:
        """Facts as numbers: a vector (N, V) and planes (N, P, h, w)."""
        return facts

    def terms(self, facts: Facts) -> dict[str, Tensor]:
        """Terms of the loss of the network that reads, by name."""
        return {}


class Untold(Reader):
    """Keeps the facts from a network."""

    def forward(self, facts: Facts) -> Facts:
        """Nothing, as (N, 0)."""
        return said(facts.planes.new_zeros(len(facts.planes), 0))


class Condition(nn.Module, ABC):
    """What is told about images; what it learns itself it learns with the discriminator.

    Attributes:
        needs: Names of what :meth:`facts` reads in a batch.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def facts(self, count: int, batch: Batch, rng: torch.Generator) -> Facts:
        """Facts that fit to the images of a batch, or that are wanted of new ones.

        Args:
            count: Number N of the images.
            batch: Holds what :attr:`needs` names; see :class:`tag2mask.models.system.System`.
            rng: For all randomness.
        """

    def between(self, facts: Facts, rng: torch.Generator) -> Facts:
        """What the generator is told in its own turn: facts, or some between them."""
        return facts

    def wrong(self, facts: Facts, rng: torch.Generator) -> Wrong | None:
        """Facts that a discriminator must find wrong for real images, if it learns so."""
        return None

    def for_generator(self) -> Reader:
        """How a generator reads the facts."""
        return Untold()

    def for_discriminator(self) -> Reader:
        """How a discriminator reads them."""
        return Untold()

    def terms(self, features: Tensor, facts: Facts) -> dict[str, Tensor]:
        """Terms of both networks' losses, by name.

        Args:
            features: (N, C, ...) of the discriminator, on images that were made.
            facts: What these were made by.
        """
        return {}


def mismatched(facts: Facts, rng: torch.Generator) -> Wrong:
    """Gives each image the vector of another one of the batch that differs from its own."""
    rows = facts.vector.flatten(1)
    differs = (rows[:, None] != rows[None]).any(dim=2)
    counts = differs.any(dim=1)
    # A row of zeros has no distribution to draw from; what it draws does not count.
    chances = differs.float() + (~counts[:, None]).float()
    chosen = torch.multinomial(chances, 1, generator=rng)[:, 0]
    return Wrong(facts._replace(vector=facts.vector[chosen]), counts)
