"""An assessment as text for the terminal, in percent."""

from __future__ import annotations

from tag2mask.pipeline.evaluation.assessment import Assessment
from tag2mask.pipeline.evaluation.calibration import Calibration, ObjectCalibration
from tag2mask.pipeline.evaluation.sizes import SIZES, SizeScores
from tag2mask.pipeline.text_tables import text_table

__all__ = ["assessment_text"]

# As wide as the figures below them.
HEADINGS = ("  IoU", "precision", "recall", "boundary F", *(size.rjust(5) for size in SIZES))


def assessment_text(assessment: Assessment) -> str:
    """One line for each class and the means, the legend, and the reliability table."""
    scores = assessment.scores
    return "\n".join(
        [
            _class_table(assessment),
            "",
            f"pixel accuracy {_percent(scores.pixel_accuracy)}, "
            f"labeled {_percent(scores.labeled)}, "
            f"{scores.images:,} images, {scores.pixels:,} pixels",
            f"boundary F: within {assessment.boundary.tolerance:.2%} of the diagonal",
            _size_legend(assessment.sizes),
            "",
            *_reliability_lines(assessment.calibration),
            *_object_lines(assessment.objects),
        ]
    )


def _class_table(assessment: Assessment) -> str:
    scores, sizes = assessment.scores, assessment.sizes
    per_class = zip(
        scores.iou, scores.precision, scores.recall, assessment.boundary.f, sizes.iou, strict=True
    )
    rows = [
        (name, (*figures, *by_size))
        for name, (*figures, by_size) in zip(scores.names, per_class, strict=True)
    ]
    means = (scores.mean_iou, scores.mean_precision, scores.mean_recall, assessment.boundary.mean_f)
    rows.append(("mean", (*means, *sizes.mean_iou)))
    lines = [("", *HEADINGS), *((name, *map(_percent, figures)) for name, figures in rows)]
    return text_table((), lines, "l" + "r" * len(HEADINGS))


def _size_legend(sizes: SizeScores) -> str:
    low, high = sizes.bounds
    small, medium, large = (f"{count:,}" for count in sizes.objects)
    return (
        f"small, medium, large: IoU of objects that take under {low:.0%} of the image ({small} "
        f"of them), {low:.0%} to {high:.0%} ({medium}), and more ({large})"
    )


def _reliability_lines(calibration: Calibration | None) -> list[str]:
    if calibration is None:
        return ["no confidence maps, so no calibration"]
    rows = [
        (
            f"{entry.low:.2f} to {entry.high:.2f}",
            _percent(entry.confidence),
            _percent(entry.accuracy),
            _percent(entry.pixels / calibration.pixels),
        )
        for entry in calibration.bins
        if entry.pixels
    ]
    gap = calibration.confidence - calibration.accuracy
    return [
        text_table((), [("confidence", "  mean", "right", "share of pixels"), *rows], "lrrr"),
        f"expected calibration error {_percent(calibration.expected_error)}; on the whole, "
        f"{_percent(calibration.confidence)} is promised and {_percent(calibration.accuracy)} is "
        f"right: {'over' if gap > 0 else 'under'}confident by {_percent(abs(gap))}",
    ]


def _object_lines(calibration: ObjectCalibration | None) -> list[str]:
    if calibration is None:
        return []
    rows = [
        (
            f"{entry.low:.2f} to {entry.high:.2f}",
            _percent(entry.confidence),
            _percent(entry.iou),
            f"{entry.objects:,}",
        )
        for entry in calibration.bins
        if entry.objects
    ]
    return [
        "",
        text_table((), [("object confidence", "  mean", "  IoU", "objects"), *rows], "lrrr"),
        f"expected calibration error of objects {_percent(calibration.expected_error)}; on the "
        f"whole, a mean IoU of {_percent(calibration.confidence)} is promised and "
        f"{_percent(calibration.iou)} is reached",
    ]


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
