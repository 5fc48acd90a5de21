"""An image of low resolution as a further condition (StackGAN: Zhang et al., ICCV 2017)."""

from __future__ import annotations

import torch
from torch import Tensor

from tag2mask.models.generation.conditions.base import Condition, Facts, Reader, Wrong, said
from tag2mask.models.system import Batch


class WithImage(Reader):
    """Gives a small image on, and what another reader makes of the rest."""

    def __init__(self, inner: Reader) -> None:
        super().__init__(inner.vector, planes=3)
        self.inner = inner

    def forward(self, facts: Facts) -> Facts:
        """The planes as they are, the vector as the inner reader reads it."""
        return self.inner(facts)._replace(planes=facts.planes)

    def terms(self, facts: Facts) -> dict[str, Tensor]:
        """Those of the inner reader."""
        return self.inner.terms(facts)


class WithoutImage(Reader):
    """Keeps the small image back."""

    def __init__(self, inner: Reader) -> None:
        super().__init__(inner.vector)
        self.inner = inner

    def forward(self, facts: Facts) -> Facts:
        """The vector alone, as the inner reader reads it."""
        return said(self.inner(facts).vector)


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

    def facts(self, count: int, batch: Batch, rng: torch.Generator) -> Facts:
        """Those of the inner condition, and ``small`` (N, 3, s, s) of the batch as planes."""
        return self.inner.facts(count, batch, rng)._replace(planes=batch["small"])

    def wrong(self, facts: Facts, rng: torch.Generator) -> Wrong | None:
        """As the inner condition."""
        return self.inner.wrong(facts, rng)

    def for_generator(self) -> Reader:
        """With the small image."""
        return WithImage(self.inner.for_generator())

    def for_discriminator(self) -> Reader:
        """Without it."""
        return WithoutImage(self.inner.for_discriminator())
