"""Scores as a table for the terminal."""

from __future__ import annotations

from pipeline.evaluation import Scores


def score_table(scores: Scores) -> str:
    """One line for each class and the means, in percent."""
    width = max(len(name) for name in (*scores.names, "pixel accuracy"))
    lines = [f"{'':<{width}}    IoU  precision  recall"]
    for name, iou, precision, recall in zip(
        scores.names, scores.iou, scores.precision, scores.recall, strict=True
    ):
        lines.append(_line(name, width, iou, precision, recall))
    lines.append(_line("mean", width, scores.mean_iou, scores.mean_precision, scores.mean_recall))
    lines.append(f"{'pixel accuracy':<{width}}  {_percent(scores.pixel_accuracy, 5)}")
    lines.append(f"{'labelled':<{width}}  {_percent(scores.labelled, 5)}")
    lines.append(f"{scores.pictures} pictures, {scores.pixels:,} pixels")
    return "\n".join(lines)


def _line(
    name: str, width: int, iou: float | None, precision: float | None, recall: float | None
) -> str:
    cells = f"{_percent(iou, 5)}  {_percent(precision, 9)}  {_percent(recall, 6)}"
    return f"{name:<{width}}  {cells}"


def _percent(value: float | None, width: int) -> str:
    return "–".rjust(width) if value is None else f"{100 * value:.1f}".rjust(width)
