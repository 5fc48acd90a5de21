"""What a condition is: what generator and discriminator are told, and the loss that follows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from tag2mask.models.system import Batch


class ConditionInputs(NamedTuple):
    """What is said about images.

    Attributes:
        vector: (N, ...) numbers or words; readers make (N, V) float32 of them.
        planes: (N, P, h, w) float32 maps; P is 0 where there are none.
    """

    vector: Tensor
    planes: Tensor


class Mismatched(NamedTuple):
    """Condition inputs that do not match the images.

    Attributes:
        inputs: Of another image each.
        counts: (N,) bool; false where no image of the batch has other inputs.
    """

    inputs: ConditionInputs
    counts: Tensor


def vector_inputs(vector: Tensor) -> ConditionInputs:
    """Condition inputs without maps."""
    return ConditionInputs(vector, vector.new_zeros(len(vector), 0, 1, 1, dtype=torch.float32))


class Reader(nn.Module):
    """How a network reads inputs; this one gives them on as they are.

    Args:
        vector: Length V of the vector that the network is given.
        planes: Number P of the maps that it is given.
    """

    def __init__(self, vector: int = 0, planes: int = 0) -> None:
        super().__init__()
        self.vector, self.planes = vector, planes

    def forward(self, inputs: ConditionInputs) -> ConditionInputs:
        """Condition inputs as numbers: a vector (N, V) and planes (N, P, h, w)."""
        return inputs

    def terms(self, inputs: ConditionInputs) -> dict[str, Tensor]:
        """Terms of the loss of the network that reads, by name."""
        return {}


class IgnoreCondition(Reader):
    """Keeps the inputs from a network."""

    def forward(self, inputs: ConditionInputs) -> ConditionInputs:
        """Nothing, as (N, 0)."""
        return vector_inputs(inputs.planes.new_zeros(len(inputs.planes), 0))


class Condition(nn.Module, ABC):
    """What is told about images; what it learns itself it learns with the discriminator.

    Attributes:
        needs: Names of what :meth:`make_inputs` reads in a batch.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def make_inputs(self, count: int, batch: Batch, rng: torch.Generator) -> ConditionInputs:
        """Condition inputs that match the images of a batch, or that are wanted of new ones.

        Args:
            count: Number N of the images.
            batch: Holds what :attr:`needs` names; see :class:`tag2mask.models.system.System`.
            rng: For all randomness.
        """

    def between(self, inputs: ConditionInputs, rng: torch.Generator) -> ConditionInputs:
        """The inputs of the generator in its own step: the given ones, or some between them."""
        return inputs

    def draw_mismatched(self, inputs: ConditionInputs, rng: torch.Generator) -> Mismatched | None:
        """Mismatched inputs of real images, which a discriminator learns to reject, if any."""
        return None

    def for_generator(self) -> Reader:
        """How a generator reads the inputs."""
        return IgnoreCondition()

    def for_discriminator(self) -> Reader:
        """How a discriminator reads them."""
        return IgnoreCondition()

    def terms(self, features: Tensor, inputs: ConditionInputs) -> dict[str, Tensor]:
        """Terms of both networks' losses, by name.

        Args:
            features: (N, C, ...) of the discriminator, on images that were made.
            inputs: What these were made by.
        """
        return {}


def swap_vectors(inputs: ConditionInputs, rng: torch.Generator) -> Mismatched:
    """Gives each image the vector of another one of the batch that differs from its own."""
    rows = inputs.vector.flatten(1)
    differs = (rows[:, None] != rows[None]).any(dim=2)
    counts = differs.any(dim=1)
    # A row of zeros has no distribution to draw from; what it draws does not count.
    chances = differs.float() + (~counts[:, None]).float()
    chosen = torch.multinomial(chances, 1, generator=rng)[:, 0]
    return Mismatched(inputs._replace(vector=inputs.vector[chosen]), counts)
