"""Evaluation by the Pascal VOC protocol: one confusion matrix summed over all images.

There are K foreground classes, so pixel values are 0 (background) to K; H rows, W columns.
These decisions change the figures:

- Pixels whose ground truth is 255 (VOC's void borders) do not count.
- A prediction of 255 is a miss: it stays in the union of its true class. So ignoring difficult
  pixels never raises a score. It is no class's false positive, and the share of pixels with a
  label is reported beside the scores.
- The matrix is summed over the images, then the scores are computed once. The mean of IoUs of
  single images is another figure and cannot be compared.
- A class that occurs neither in the ground truth nor in the predictions has no score (None) and
  does not enter the means. A class that is predicted but never true scores 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np

from tag2mask.models.settings import Settings
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.comparison import check_labels, iter_pairs
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.records import IGNORE, ClassTable, Row

__all__ = ["Scores", "confusion", "evaluate_masks", "mean_of_known", "scores"]


def confusion(ground_truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Count the pixels of one image by true and predicted class.

    Args:
        ground_truth: (H, W) uint8, 0 to ``classes``, or 255 for pixels that do not count.
        prediction: (H, W) uint8, 0 to ``classes``, or 255 for pixels without a label.
        classes: K, the number of foreground classes.

    Returns:
        (K + 1, K + 2) int64: rows are ground truth classes, columns are predicted classes. The
        last column counts pixels without a label. Matrices of several images are added.

    Raises:
        ValueError: If the shapes differ or a value is neither a class nor 255.
    """
    if ground_truth.shape != prediction.shape:
        raise ValueError(
            f"the ground truth is {ground_truth.shape}, the prediction is {prediction.shape}: "
            "they must have one size"
        )
    check_labels("ground truth", ground_truth, classes)
    check_labels("prediction", prediction, classes)
    counted = ground_truth != IGNORE
    rows = ground_truth[counted].astype(np.int64)
    columns = np.where(prediction == IGNORE, classes + 1, prediction)[counted].astype(np.int64)
    counts = np.bincount(rows * (classes + 2) + columns, minlength=(classes + 1) * (classes + 2))
    return counts.reshape(classes + 1, classes + 2)


class Scores(Settings):
    """The scores of one set of predictions; every score lies in [0, 1].

    Args:
        names: Class names, background first; the tuples of scores have the same order.
        iou: Intersection over union; None for a class that occurs nowhere.
        precision: Share of right pixels among those predicted as a class; None if there are none.
        recall: Share of a class's true pixels that are predicted; None if there are none.
        mean_iou: Mean IoU over the classes that occur in the ground truth or the predictions.
        mean_precision: Mean precision over the classes that are predicted.
        mean_recall: Mean recall over the classes that occur in the ground truth.
        pixel_accuracy: Share of right pixels; a pixel without a label is wrong.
        labeled: Share of the counted pixels that have a label.
        pixels: Number of counted pixels, those whose ground truth is not 255.
        images: Number of compared images, if the caller gave it.
    """

    # Scores that were stored before this name have the old one.
    old_names: ClassVar[dict[str, str]] = {"pictures": "images"}

    names: tuple[str, ...]
    iou: tuple[float | None, ...]
    precision: tuple[float | None, ...]
    recall: tuple[float | None, ...]
    mean_iou: float
    mean_precision: float
    mean_recall: float
    pixel_accuracy: float
    labeled: float
    pixels: int
    images: int | None = None


def scores(matrix: np.ndarray, names: Iterable[str], images: int | None = None) -> Scores:
    """Compute the scores of a summed confusion matrix.

    Args:
        matrix: (K + 1, K + 2) int64 as :func:`confusion` counts it.
        names: The K foreground class names in the order of their pixel values.
        images: Number of images in the matrix, for the report.

    Raises:
        ValueError: If the matrix does not fit the names or holds no pixel.
    """
    names = ("background", *names)
    if matrix.shape != (len(names), len(names) + 1):
        raise ValueError(
            f"{len(names) - 1} classes do not fit a matrix of {matrix.shape}: it must be "
            f"{(len(names), len(names) + 1)}"
        )
    total = int(matrix.sum())
    if total == 0:
        raise ValueError("the confusion matrix is empty: no pixel was compared")
    right = np.diagonal(matrix)
    true = matrix.sum(axis=1)
    predicted = matrix[:, :-1].sum(axis=0)
    iou = _ratio(right, true + predicted - right)
    precision = _ratio(right, predicted)
    recall = _ratio(right, true)
    return Scores(
        names=names,
        iou=iou,
        precision=precision,
        recall=recall,
        mean_iou=mean_of_known(iou),
        mean_precision=mean_of_known(precision),
        mean_recall=mean_of_known(recall),
        pixel_accuracy=int(right.sum()) / total,
        labeled=int(predicted.sum()) / total,
        pixels=total,
        images=images,
    )


def evaluate_masks(
    rows: Iterable[Row],
    ground_truth: GroundTruthFolder,
    classes: ClassTable,
    *,
    resize: bool = False,
) -> Scores:
    """Score masks against the ground truth masks of their images; skip images without one.

    Args:
        rows: Rows as :func:`tag2mask.pipeline.evaluation.comparison.iter_pairs` takes them.
        ground_truth: The ground truth masks.
        classes: The run's class table, with which ``ground_truth`` was opened.
        resize: Resize predictions of another size to the ground truth's.

    Raises:
        UserError: If sizes differ without ``resize``, a prediction is not a mask of these
            classes, or no image has a ground truth mask.
    """
    matrix = np.zeros((len(classes) + 1, len(classes) + 2), np.int64)
    images = 0
    for pair in iter_pairs(rows, ground_truth, classes, resize=resize):
        matrix += confusion(pair.ground_truth, pair.prediction, len(classes))
        images += 1
    if not matrix.any():
        raise UserError(
            f"no image has a ground truth mask in {ground_truth.directory}: the names must agree"
        )
    return scores(matrix, classes.names, images)


def mean_of_known(values: Sequence[float | None]) -> float:
    """The mean of the scores that exist; 0 if there is none (nothing was predicted at all)."""
    present = [value for value in values if value is not None]
    return sum(present) / len(present) if present else 0.0


def _ratio(part: np.ndarray, whole: np.ndarray) -> tuple[float | None, ...]:
    return tuple(int(p) / int(w) if w else None for p, w in zip(part, whole, strict=True))
