"""A label mask as a condition: what is where in the image."""

from __future__ import annotations

import torch

from tag2mask.models.generation.conditions.base import Condition, ConditionInputs, Reader
from tag2mask.models.label_planes import label_planes
from tag2mask.models.system import Batch


class Mask(Condition):
    """Both networks are told the mask, the generator at each of its resolutions.

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
        """As it is."""
        return Reader(planes=self.classes + 1)

    def for_discriminator(self) -> Reader:
        """As it is."""
        return Reader(planes=self.classes + 1)
