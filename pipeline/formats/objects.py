"""The objects of a mask: connected components of the classes that are large enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.measure import label as connected

from tag2mask.pipeline.formats.export_settings import ObjectKind
from tag2mask.pipeline.records import IGNORE

Box = tuple[slice, slice]


@dataclass(frozen=True)
class Objects:
    """The objects of one mask.

    Attributes:
        labels: (H, W) int, 1 to N on the objects, 0 elsewhere.
        classes: (N + 1,) uint8, the class of each number; 0 for number 0.
        dropped: Number of components that are too small.
        dropped_pixels: Number of their pixels.
    """

    labels: np.ndarray
    classes: np.ndarray
    dropped: int
    dropped_pixels: int

    def __len__(self) -> int:
        """The number of objects."""
        return len(self.classes) - 1


def find_objects(mask: np.ndarray, min_area: float, kind: ObjectKind) -> Objects:
    """The objects of a mask; ignored pixels belong to none.

    Args:
        mask: (H, W) uint8: 0 background, 255 ignore, else a class.
        min_area: Minimum area of a component, as a share of the image, in [0, 1).
        kind: ``component``: each large enough component is an object, diagonal neighbors are
            connected. ``class``: all of a class's large enough components are one object.
    """
    components, classes = components_of(mask)
    areas = np.bincount(components.ravel(), minlength=len(classes))
    kept = areas >= min_area * mask.size
    kept[0] = False
    dropped = ~kept
    dropped[0] = False
    if kind == "component":
        numbers = np.where(kept, np.cumsum(kept), 0)
        found = classes[kept]
    else:
        found = np.unique(classes[kept])
        numbers = np.where(kept, np.searchsorted(found, classes) + 1, 0)
    return Objects(
        labels=numbers[components],
        classes=np.concatenate([np.zeros(1, np.uint8), found]),
        dropped=int(dropped.sum()),
        dropped_pixels=int(areas[dropped].sum()),
    )


def components_of(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the connected components of each class; diagonal neighbors are connected.

    Args:
        mask: (H, W) uint8: 0 background, 255 ignore, else a class.

    Returns:
        (H, W) int, 1 to N on the components and 0 elsewhere; and (N + 1,) uint8, the class of
        each number, 0 for number 0.
    """
    components = connected(np.where(mask == IGNORE, 0, mask), background=0, connectivity=2)
    classes = np.zeros(int(components.max()) + 1, np.uint8)
    classes[components] = mask
    classes[0] = 0
    return components, classes


def boxes(labels: np.ndarray) -> Iterator[Box]:
    """The rows and columns of every value above 0 of a label map (H, W); values ascend."""
    yield from (box for box in ndimage.find_objects(labels) if box is not None)


def corner_and_size(box: Box) -> list[int]:
    """A box as COCO writes it: [left, top, width, height] in pixels."""
    rows, columns = box
    return [columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start]
