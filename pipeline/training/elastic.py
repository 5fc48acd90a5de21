"""Elastic deformation of training samples (Ronneberger, Fischer & Brox, 2015, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

GRID = 3  # displacements are drawn at so many points a side
SPREAD = 10.0  # standard deviation of the displacements, in pixels


@dataclass(frozen=True)
class Bend:
    """A smooth displacement: drawn on a coarse grid, bicubic in between.

    Attributes:
        shifts: (2, 3, 3) float32, to the right and down, in pixels.
    """

    shifts: np.ndarray

    def __call__(self, values: np.ndarray, resample: Image.Resampling, fill: int) -> np.ndarray:
        """Deforms an image or map.

        Args:
            values: (H, W) or (H, W, 3) uint8.
            resample: ``NEAREST`` for labels, else bilinear.
            fill: The value outside of the image.

        Returns:
            The deformed values, in the same shape and dtype.
        """
        height, width = values.shape[:2]
        right, down = (
            cv2.resize(shift, (width, height), interpolation=cv2.INTER_CUBIC)
            for shift in self.shifts
        )
        y, x = np.mgrid[:height, :width].astype(np.float32)
        exact = resample == Image.Resampling.NEAREST
        return cv2.remap(
            values,
            x + right,
            y + down,
            cv2.INTER_NEAREST if exact else cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(fill,) * 3,
        )


def random_bend(rng: np.random.Generator) -> Bend:
    """Draws a smooth displacement."""
    return Bend(rng.normal(0, SPREAD, (2, GRID, GRID)).astype(np.float32))
