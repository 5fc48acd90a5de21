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
    """Gives a small image on, and what another reader makes of the rest."""

    def __init__(self, inner: Reader) -> None:
        super().__init__(inner.vector, planes=3)
        self.inner = inner

    def forward(self, inputs: ConditionInputs) -> ConditionInputs:
        """The planes as they are, the vector as the inner reader reads it."""
        return self.inner(inputs)._replace(planes=inputs.planes)

    def terms(self, inputs: ConditionInputs) -> dict[str, Tensor]:
        """Those of the inner reader."""
        return self.inner.terms(inputs)


class WithoutImage(Reader):
    """Keeps the small image back."""

    def __init__(self, inner: Reader) -> None:
        super().__init__(inner.vector)
        self.inner = inner

    def forward(self, inputs: ConditionInputs) -> ConditionInputs:
        """The vector alone, as the inner reader reads it."""
        return vector_inputs(self.inner(inputs).vector)


class LowResolution(Condition):
    """The generator is shown a small image, whatever else both networks are told.

    The discriminator is not: it judges whether the large image is real and fits to the
    other condition, so that the second generator may fix what the small image got wrong.

    Args:
        inner: What else is told.
    """

    needs = ("small",)

    def __init__(self, inner: Condition) -> None:
        super().__init__()
        self.inner = inner

    def make_inputs(self, count: int, batch: Batch, rng: torch.Generator) -> ConditionInputs:
        """Those of the inner condition, and ``small`` (N, 3, s, s) of the batch as planes."""
        return self.inner.make_inputs(count, batch, rng)._replace(planes=batch["small"])

    def draw_mismatched(self, inputs: ConditionInputs, rng: torch.Generator) -> Mismatched | None:
        """As the inner condition."""
        return self.inner.draw_mismatched(inputs, rng)

    def for_generator(self) -> Reader:
        """With the small image."""
        return WithImage(self.inner.for_generator())

    def for_discriminator(self) -> Reader:
        """Without it."""
        return WithoutImage(self.inner.for_discriminator())
