"""Masks that are the same as far as polygons can tell: up to a pixel at borders, and holes."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from tag2mask.pipeline.records import BACKGROUND, IGNORE

# Diagonal neighbors are connected, as in the exports.
CONNECTED = np.ones((3, 3), int)


def within_one_pixel(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether every pixel that changed took the value of one of its eight neighbors.

    Args:
        before: (H, W) labels or bool.
        after: (H, W) labels or bool.
    """
    if before.shape != after.shape:
        return False
    changed = before != after
    padded = np.pad(before, 1, mode="edge")
    height, width = before.shape
    for row in range(3):
        for column in range(3):
            changed &= padded[row : row + height, column : column + width] != after
    return not changed.any()


def without_holes(mask: np.ndarray) -> np.ndarray:
    """A mask as polygons without holes show it: every piece filled, the smaller in front.

    Args:
        mask: (H, W) uint8: 0 background, 255 ignore, else a class.

    Returns:
        (H, W) uint8; ignored pixels lie behind all pieces.
    """
    filled = np.zeros_like(mask)
    filled[ndimage.binary_fill_holes(mask == IGNORE)] = IGNORE
    regions = []
    for value in sorted({*np.unique(mask).tolist()} - {BACKGROUND, IGNORE}):
        pieces, _ = ndimage.label(mask == value, CONNECTED)
        sizes = np.bincount(pieces.ravel())
        for number, box in enumerate(ndimage.find_objects(pieces), start=1):
            regions.append((int(sizes[number]), value, box, pieces[box] == number))
    for _, value, box, region in sorted(regions, key=lambda entry: -entry[0]):
        filled[box][ndimage.binary_fill_holes(region)] = value
    return filled
