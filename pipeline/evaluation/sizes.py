"""IoU by size: small objects vanish in the sums over pixels, so they get scores of their own.

An object here is all that an image shows of one class, since semantic masks do not tell one
sheep from the next. Its size is the share of the image that the class takes in the ground truth.
Intersections and unions are summed over the objects of a class and a size, as in the VOC
protocol; pixels of a class in images that do not show it belong to no size.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from tag2mask.pipeline.evaluation.voc import mean_of_known
from tag2mask.pipeline.records import IGNORE

__all__ = ["BOUNDS", "SIZES", "SizeScores", "size_counts", "size_scores"]

SIZES = ("small", "medium", "large")
# Shares rather than COCO's 32 and 96 pixels squared: those suit images of 640 pixels alone.
BOUNDS = (0.05, 0.20)


class SizeScores(BaseModel):
    """IoU by class and size; every tuple has the order of :data:`SIZES`.

    Args:
        iou: By class, background first (which has no size, so None); in [0, 1], None where a
            class has no object of the size.
        mean_iou: Mean over the classes that have objects of the size; None where none has.
        objects: How many objects there are.
        bounds: Shares of the image that part the sizes.
    """

    model_config = ConfigDict(frozen=True)

    iou: tuple[tuple[float | None, ...], ...]
    mean_iou: tuple[float | None, ...]
    objects: tuple[int, ...]
    bounds: tuple[float, ...] = BOUNDS


def size_counts(ground_truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Count the pixels of one image's objects by size, to be added up over images.

    Args:
        ground_truth: (H, W) uint8, 0 to ``classes``, or 255 for pixels that do not count.
        prediction: (H, W) uint8, 0 to ``classes``, or 255 for pixels without a label.
        classes: K, the number of foreground classes.

    Returns:
        (K + 1, 3, 3) int64: by class and size, the objects (1 or 0), the pixels of the
        intersection and those of the union.
    """
    counts = np.zeros((classes + 1, len(SIZES), 3), np.int64)
    counted = ground_truth != IGNORE
    true = np.bincount(ground_truth[counted], minlength=classes + 1)
    for value in np.flatnonzero(true[1:]) + 1:
        found = counted & (prediction == value)
        shared = int((found & (ground_truth == value)).sum())
        size = int(np.searchsorted(BOUNDS, true[value] / ground_truth.size, side="right"))
        counts[value, size] = (1, shared, true[value] + int(found.sum()) - shared)
    return counts


def size_scores(counts: np.ndarray) -> SizeScores:
    """The scores of a set of images.

    Args:
        counts: (K + 1, 3, 3) as :func:`size_counts` returns it, added over images.
    """
    iou = tuple(
        tuple(int(shared) / int(union) if union else None for _, shared, union in sizes)
        for sizes in counts
    )
    columns = list(zip(*iou, strict=True))
    known = [any(value is not None for value in column) for column in columns]
    return SizeScores(
        iou=iou,
        mean_iou=tuple(
            mean_of_known(column) if some else None
            for column, some in zip(columns, known, strict=True)
        ),
        objects=tuple(int(count) for count in counts[:, :, 0].sum(axis=0)),
    )
