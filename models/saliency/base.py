"""The signature that every class-specific saliency scorer shares."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Scorer(Protocol):
    """Finds where the classes of one image are.

    One image a call, never a batch of images: what an image gets must not depend on
    its batch mates.
    """

    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps for the given classes.

        Args:
            image: (3, H, W) float RGB in [0, 255].
            classes: (T,) int64 channels of the tagger, the image's tags.

        Returns:
            (T, H, W) float32 in [0, 1], one map for each class, in the given order. Maps
            depend on the set of classes, not on their order.
        """
        ...
