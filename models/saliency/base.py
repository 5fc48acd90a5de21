"""The signature that every class-specific saliency scorer shares."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class Scorer(Protocol):
    """Locates the classes of one image.

    A call takes one image and never a batch, because the maps of an image must not depend on other
    images.
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
