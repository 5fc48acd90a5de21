"""Evaluation of masks against ground truth."""

from __future__ import annotations

from pathlib import Path

from tag2mask.flows.results import EvaluateResult
from tag2mask.pipeline.evaluation.assess import assess_masks


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
