"""The base of every implementation of the DenseCRF: its signature and its checks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from tag2mask.models.crf.parameters import CrfParameters

MIN_PROBABILITY = 1e-5


class Crf(ABC):
    """Refines label probabilities along the edges of images.

    The result of an image never depends on the other images of a call.

    Args:
        parameters: Weights and widths, for example ``CRF_PRESETS["irn"]``.

    Raises:
        ImportError: If a package that the implementation needs is not installed, with the way
            to install it.
    """

    def __init__(self, parameters: CrfParameters) -> None:
        self.parameters = parameters

    def __call__(
        self, images: Sequence[np.ndarray], probabilities: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """Refines some images.

        Args:
            images: (H, W, 3) uint8 RGB, of any sizes.
            probabilities: For each image (K, H, W) of any float type, finite, with one map for
                each competing label; K may differ between images. Values below 1e-5 count as
                1e-5, so that no label is impossible. The maps need not sum to one.

        Returns:
            For each image (K, H, W) float32 marginals that sum to one over K. The same
            input gives the same bits on every call.

        Raises:
            ValueError: If a shape or type does not fit or a probability is not finite.
        """
        for image, maps in zip(images, probabilities, strict=True):
            _check(image, maps)
        # Clipping comes first, because log 0 is minus infinity, and one such pixel makes all NaN.
        logarithms = [
            np.log(np.clip(maps, MIN_PROBABILITY, 1)).astype(np.float32) for maps in probabilities
        ]
        return self.refine(images, logarithms)

    @abstractmethod
    def refine(
        self, images: Sequence[np.ndarray], log_unaries: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """The marginals of checked images with finite log probabilities; see ``__call__``."""


def _check(image: np.ndarray, probabilities: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"an image is (H, W, 3) uint8, not {image.shape} {image.dtype}")
    if probabilities.ndim != 3 or not len(probabilities):
        raise ValueError(f"probabilities are (K, H, W) with K >= 1, not {probabilities.shape}")
    if not image.size or image.shape[:2] != probabilities.shape[1:]:
        raise ValueError(
            f"the image is {image.shape[:2]}, its labels are {probabilities.shape[1:]}"
        )
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities must be finite, but hold NaN or infinity")
