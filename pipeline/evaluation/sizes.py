"""IoU by object size: sums over pixels hide small objects, so each size has its own scores.

An object is here all pixels of one class in an image, because semantic masks do not separate one
sheep from the next. Its size is the share of the image that the class covers in the ground truth.
Intersections and unions are summed over the objects of a class and a size, as in the VOC
protocol. Pixels predicted as a class that the image does not show belong to no size.
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
        iou: IoU by class, in [0, 1]; None if the class has no object of the size. Background
            comes first and has no size, so it is always None.
        mean_iou: Mean IoU over the classes that have objects of the size; None if none has.
        objects: Number of objects of each size.
        bounds: Shares of the image that separate the sizes.
    """

    model_config = ConfigDict(frozen=True)

    iou: tuple[tuple[float | None, ...], ...]
    mean_iou: tuple[float | None, ...]
    objects: tuple[int, ...]
    bounds: tuple[float, ...] = BOUNDS


def size_counts(ground_truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Count the pixels of one image's objects by size, to be summed over images.

    Args:
        ground_truth: (H, W) uint8, 0 to ``classes``, or 255 for pixels that do not count.
        prediction: (H, W) uint8, 0 to ``classes``, or 255 for pixels without a label.
        classes: K, the number of foreground classes.

    Returns:
        (K + 1, 3, 3) int64: for each class and size, the number of objects (1 or 0), the pixels
        of the intersection and the pixels of the union.
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
    """Compute the scores by size of a set of images.

    Args:
        counts: (K + 1, 3, 3) as :func:`size_counts` returns it, summed over images.
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
