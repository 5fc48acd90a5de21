"""Tags as a condition (Mirza & Osindero, 2014)."""

from __future__ import annotations

import torch

from tag2mask.models.generation.conditions.base import (
    Condition,
    ConditionInputs,
    Reader,
    vector_inputs,
)
from tag2mask.models.system import Batch


class Tags(Condition):
    """The tags as a condition of both networks, as zeros and ones.

    Args:
        classes: Number of tags C.
    """

    needs = ("tags",)

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def make_inputs(self, count: int, batch: Batch, rng: torch.Generator) -> ConditionInputs:
        """The tags (N, C)."""
        return vector_inputs(batch["tags"].float())

    def for_generator(self) -> Reader:
        """A reader that returns the tags as they are."""
        return Reader(self.classes)

    def for_discriminator(self) -> Reader:
        """A reader that returns the tags as they are."""
        return Reader(self.classes)
