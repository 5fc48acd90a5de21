"""Tags as a condition (Mirza & Osindero, 2014)."""

from __future__ import annotations

import torch

from tag2mask.models.generation.conditions.base import Condition, Facts, Reader, said
from tag2mask.models.system import Batch


class Tags(Condition):
    """Both networks are told the tags, as zeros and ones.

    Args:
        classes: Number of tags C.
    """

    needs = ("tags",)

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def facts(self, count: int, batch: Batch, rng: torch.Generator) -> Facts:
        """The tags (N, C)."""
        return said(batch["tags"].float())

    def for_generator(self) -> Reader:
        """As they are."""
        return Reader(self.classes)

    def for_discriminator(self) -> Reader:
        """As they are."""
        return Reader(self.classes)
