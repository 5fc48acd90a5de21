"""No condition at all."""

from __future__ import annotations

import torch

from tag2mask.models.generation.conditions.base import Condition, Facts, said
from tag2mask.models.system import Batch


class Nothing(Condition):
    """Nobody is told anything."""

    def facts(self, count: int, batch: Batch, rng: torch.Generator) -> Facts:
        """Vectors of no number."""
        return said(torch.zeros(count, 0, device=rng.device))
