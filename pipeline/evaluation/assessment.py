"""Assessment of a set of masks: all scores against ground truth masks, from one pass."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.boundaries import BoundaryScores, boundary_scores, boundary_sums
from tag2mask.pipeline.evaluation.calibration import (
    BINS,
    Calibration,
    ObjectCalibration,
    calibration,
    confidence_counts,
    object_calibration,
    object_sums,
)
from tag2mask.pipeline.evaluation.comparison import Comparison, iter_pairs
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.evaluation.sizes import SizeScores, size_counts, size_scores
from tag2mask.pipeline.evaluation.voc import Scores, confusion, scores
from tag2mask.pipeline.records import ClassTable, Row

__all__ = ["Assessment", "Assessor", "assess_rows", "is_assessment"]


class Assessment(BaseModel):
    """All scores of a set of masks against ground truth masks.

    Args:
        scores: IoU, precision, recall and their means by the VOC protocol.
        boundary: Boundary F-scores.
        sizes: IoU by the size of the objects.
        calibration: Reliability of the confidence; None for masks without a confidence map.
        objects: Reliability of the confidence of objects; None for masks without it.
    """

    model_config = ConfigDict(frozen=True)

    scores: Scores
    boundary: BoundaryScores
    sizes: SizeScores
    calibration: Calibration | None
    objects: ObjectCalibration | None = None


def is_assessment(data: bytes) -> bool:
    """Whether a file holds the scores of an assessment, as JSON."""
    try:
        Assessment.model_validate_json(data)
    except ValidationError:
        return False
    return True


class Assessor:
    """A running sum of counts over images; its memory does not grow with their number.

    Args:
        classes: The classes of the masks.
    """

    def __init__(self, classes: ClassTable) -> None:
        self.classes = classes
        count = len(classes)
        self._matrix = np.zeros((count + 1, count + 2), np.int64)
        self._boundary = np.zeros((count + 1, 2))
        self._sizes = np.zeros((count + 1, 3, 3), np.int64)
        self._confidence = np.zeros((256, 2), np.int64)
        self._objects = np.zeros((BINS, 3))
        self._images = 0

    def add(self, pair: Comparison) -> np.ndarray:
        """Count one image, and return its own confusion matrix."""
        count = len(self.classes)
        matrix = confusion(pair.ground_truth, pair.prediction, count)
        self._matrix += matrix
        self._boundary += boundary_sums(pair.ground_truth, pair.prediction, count)
        self._sizes += size_counts(pair.ground_truth, pair.prediction, count)
        if pair.confidence is not None:
            self._confidence += confidence_counts(
                pair.ground_truth, pair.prediction, pair.confidence
            )
        if pair.objects is not None:
            self._objects += object_sums(matrix, pair.objects)
        self._images += 1
        return matrix

    def result(self) -> Assessment | None:
        """The scores of the images added so far; None if no pixel was compared."""
        if not self._matrix.any():
            return None
        return Assessment(
            scores=scores(self._matrix, self.classes.names, self._images),
            boundary=boundary_scores(self._boundary),
            sizes=size_scores(self._sizes),
            calibration=calibration(self._confidence),
            objects=object_calibration(self._objects),
        )


def assess_rows(
    rows: Iterable[Row], ground_truth: GroundTruthFolder, classes: ClassTable
) -> Assessment:
    """Assess masks; skip images without a ground truth mask.

    Args:
        rows: Rows as :func:`tag2mask.pipeline.evaluation.comparison.iter_pairs` takes them.
        ground_truth: The ground truth masks.
        classes: The class table with which ``ground_truth`` was opened.

    Raises:
        UserError: If no image has a ground truth mask, or a mask does not fit its ground truth.
    """
    assessor = Assessor(classes)
    for pair in iter_pairs(rows, ground_truth, classes):
        assessor.add(pair)
    assessment = assessor.result()
    if assessment is None:
        raise UserError(
            f"no image has a ground truth mask in {ground_truth.directory}: the names must agree"
        )
    return assessment
