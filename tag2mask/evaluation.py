"""Evaluation of masks against ground truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tag2mask.pipeline.evaluation.assess import assess_masks
from tag2mask.pipeline.evaluation.assessment import Assessment
from tag2mask.pipeline.report.scores import assessment_text


@dataclass(frozen=True)
class EvaluateResult:
    """Scores of masks; ``str(result)`` is the text that the command line prints.

    Attributes:
        assessment: All scores: VOC protocol, boundaries, object sizes, calibration.
    """

    assessment: Assessment

    @property
    def mean_iou(self) -> float:
        """Mean IoU over background and classes (VOC protocol), in [0, 1]."""
        return self.assessment.scores.mean_iou

    def __str__(self) -> str:
        """The summary."""
        return assessment_text(self.assessment)


def evaluate(masks: str | Path, *, ground_truth: str | Path) -> EvaluateResult:
    """Scores masks against ground truth: IoU, boundaries, sizes of objects, calibration.

    Args:
        masks: ``RUN/dataset``, ``RUN/rounds/NAME``, or a folder of palette PNGs.
        ground_truth: Folder with ``SegmentationClass/``.

    Raises:
        UserError: If there are no masks, no ground truth, or none of the same images.

    Example:
        >>> scores = tag2mask.evaluate("run/dataset", ground_truth="photos")
        >>> 0 < scores.mean_iou < 1
        True
    """
    return EvaluateResult(assess_masks(str(masks), str(ground_truth)))
