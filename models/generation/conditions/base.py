"""Conditions: the inputs of generator and discriminator beside noise and images, and their loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from tag2mask.models.system import Batch


class ConditionInputs(NamedTuple):
    """The inputs of a condition, for N images.

    Attributes:
        vector: (N, ...) numbers or words; readers make (N, V) float32 of them.
        planes: (N, P, h, w) float32 maps; P is 0 without maps.
    """

    vector: Tensor
    planes: Tensor


class Mismatched(NamedTuple):
    """Condition inputs that do not match the images.

    Attributes:
        inputs: The inputs of another image, for each image.
        counts: (N,) bool; false if no image of the batch has other inputs.
    """

    inputs: ConditionInputs
    counts: Tensor


def vector_inputs(vector: Tensor) -> ConditionInputs:
    """Condition inputs without maps."""
    return ConditionInputs(vector, vector.new_zeros(len(vector), 0, 1, 1, dtype=torch.float32))


class Reader(nn.Module):
    """Prepares inputs for a network; this reader returns them as they are.

    Args:
        vector: Length V of the vector for the network.
        planes: Number P of maps for the network.
    """

    def __init__(self, vector: int = 0, planes: int = 0) -> None:
        super().__init__()
        self.vector, self.planes = vector, planes

    def forward(self, inputs: ConditionInputs) -> ConditionInputs:
        """Condition inputs as numbers: a vector (N, V) and planes (N, P, h, w)."""
        return inputs

    def terms(self, inputs: ConditionInputs) -> dict[str, Tensor]:
        """Terms of the reading network's loss, by name."""
        return {}


class IgnoreCondition(Reader):
    """Keeps the inputs from a network."""

    def forward(self, inputs: ConditionInputs) -> ConditionInputs:
        """An empty vector (N, 0)."""
        return vector_inputs(inputs.planes.new_zeros(len(inputs.planes), 0))


class Condition(nn.Module, ABC):
    """A condition of images; its own parameters are trained with the discriminator.

    Attributes:
        needs: Names of the parts of a batch that :meth:`make_inputs` reads.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def make_inputs(self, count: int, batch: Batch, rng: torch.Generator) -> ConditionInputs:
        """Inputs that match the images of a batch, or that new images shall match.

        Args:
            count: Number N of the images.
            batch: Holds the parts named by :attr:`needs`; see
                :class:`tag2mask.models.system.System`.
            rng: Random generator for all draws.
        """

    def between(self, inputs: ConditionInputs, rng: torch.Generator) -> ConditionInputs:
        """The inputs of the generator in its own step: the given ones, or some between them."""
        return inputs

    def draw_mismatched(self, inputs: ConditionInputs, rng: torch.Generator) -> Mismatched | None:
        """Mismatched inputs of real images, which a discriminator learns to reject, if any."""
        return None

    def for_generator(self) -> Reader:
        """The reader of the inputs for a generator."""
        return IgnoreCondition()

    def for_discriminator(self) -> Reader:
        """The reader of the inputs for a discriminator."""
        return IgnoreCondition()

    def terms(self, features: Tensor, inputs: ConditionInputs) -> dict[str, Tensor]:
        """Terms of both networks' losses, by name.

        Args:
            features: (N, C, ...), the discriminator's features of generated images.
            inputs: The inputs of these images.
        """
        return {}


def swap_vectors(inputs: ConditionInputs, rng: torch.Generator) -> Mismatched:
    """Gives each image the vector of another image of the batch, different from its own."""
    rows = inputs.vector.flatten(1)
    differs = (rows[:, None] != rows[None]).any(dim=2)
    counts = differs.any(dim=1)
    # A row of zeros has no distribution to draw from, so its draw does not count.
    chances = differs.float() + (~counts[:, None]).float()
    chosen = torch.multinomial(chances, 1, generator=rng)[:, 0]
    return Mismatched(inputs._replace(vector=inputs.vector[chosen]), counts)
