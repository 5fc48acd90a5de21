"""No condition at all."""

from __future__ import annotations

import torch

from tag2mask.models.generation.conditions.base import Condition, ConditionInputs, vector_inputs
from tag2mask.models.system import Batch


class Unconditional(Condition):
    """The condition of a GAN without a condition."""

    def make_inputs(self, count: int, batch: Batch, rng: torch.Generator) -> ConditionInputs:
        """Empty vectors (N, 0)."""
        return vector_inputs(torch.zeros(count, 0, device=rng.device))
