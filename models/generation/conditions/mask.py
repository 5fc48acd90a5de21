"""A label mask as a condition."""

from __future__ import annotations

import torch

from tag2mask.models.generation.conditions.base import Condition, ConditionInputs, Reader
from tag2mask.models.label_planes import label_planes
from tag2mask.models.system import Batch


class Mask(Condition):
    """The mask as a condition of both networks, for the generator at each of its resolutions.

    Args:
        classes: Number of foreground classes C.
    """

    needs = ("mask",)

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def make_inputs(self, count: int, batch: Batch, rng: torch.Generator) -> ConditionInputs:
        """The labels as planes (N, C + 1, H, W)."""
        planes = label_planes(batch["mask"], self.classes)
        return ConditionInputs(planes.new_zeros(count, 0), planes)

    def for_generator(self) -> Reader:
        """A reader that returns the planes as they are."""
        return Reader(planes=self.classes + 1)

    def for_discriminator(self) -> Reader:
        """A reader that returns the planes as they are."""
        return Reader(planes=self.classes + 1)
