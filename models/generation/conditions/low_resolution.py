"""An image of low resolution as a further condition (StackGAN: Zhang et al., ICCV 2017)."""

from __future__ import annotations

import torch
from torch import Tensor

from tag2mask.models.generation.conditions.base import (
    Condition,
    ConditionInputs,
    Mismatched,
    Reader,
    vector_inputs,
)
from tag2mask.models.system import Batch


class WithImage(Reader):
    """Passes a small image on, with the vector of another reader."""

    def __init__(self, inner: Reader) -> None:
        super().__init__(inner.vector, planes=3)
        self.inner = inner

    def forward(self, inputs: ConditionInputs) -> ConditionInputs:
        """The planes as they are, and the vector of the inner reader."""
        return self.inner(inputs)._replace(planes=inputs.planes)

    def terms(self, inputs: ConditionInputs) -> dict[str, Tensor]:
        """The terms of the inner reader."""
        return self.inner.terms(inputs)


class WithoutImage(Reader):
    """Ignores the small image."""

    def __init__(self, inner: Reader) -> None:
        super().__init__(inner.vector)
        self.inner = inner

    def forward(self, inputs: ConditionInputs) -> ConditionInputs:
        """The vector of the inner reader, without planes."""
        return vector_inputs(self.inner(inputs).vector)


class LowResolution(Condition):
    """A small image for the generator alone, beside another condition of both networks.

    The discriminator decides whether the large image is real and matches the other condition.
    So the second generator may correct errors of the small image.

    Args:
        inner: The other condition.
    """

    needs = ("small",)

    def __init__(self, inner: Condition) -> None:
        super().__init__()
        self.inner = inner

    def make_inputs(self, count: int, batch: Batch, rng: torch.Generator) -> ConditionInputs:
        """The inner condition's inputs, and ``small`` (N, 3, s, s) of the batch as planes."""
        return self.inner.make_inputs(count, batch, rng)._replace(planes=batch["small"])

    def draw_mismatched(self, inputs: ConditionInputs, rng: torch.Generator) -> Mismatched | None:
        """The mismatched inputs of the inner condition."""
        return self.inner.draw_mismatched(inputs, rng)

    def for_generator(self) -> Reader:
        """The inner condition's reader, with the small image."""
        return WithImage(self.inner.for_generator())

    def for_discriminator(self) -> Reader:
        """The inner condition's reader, without the small image."""
        return WithoutImage(self.inner.for_discriminator())
