"""The connected pieces of a mask: what formats of single objects take for one object."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage
from skimage.measure import label as connected

from tag2mask.pipeline.records import IGNORE

Box = tuple[slice, slice]


def pieces_of(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the connected pieces of each class; diagonal neighbors are connected.

    Args:
        mask: (H, W) uint8: 0 background, 255 ignore, else a class.

    Returns:
        (H, W) int, 1 to N on the pieces and 0 elsewhere; and (N + 1,) uint8, the class of
        each number, 0 for number 0.
    """
    pieces = connected(np.where(mask == IGNORE, 0, mask), background=0, connectivity=2)
    classes = np.zeros(int(pieces.max()) + 1, np.uint8)
    classes[pieces] = mask
    classes[0] = 0
    return pieces, classes


def boxes(labels: np.ndarray) -> Iterator[Box]:
    """The rows and columns of every value above 0 of a label map (H, W); values ascend."""
    yield from (box for box in ndimage.find_objects(labels) if box is not None)


def corner_and_size(box: Box) -> list[int]:
    """A box as COCO writes it: [left, top, width, height] in pixels."""
    rows, columns = box
    return [columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start]
