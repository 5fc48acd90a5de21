"""Totals of a dataset's small columns: counts by class, round, source and confidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from tag2mask.pipeline.records import Row
from tag2mask.pipeline.records.object_confidence import class_confidences

# The columns from which the figures are computed.
FIGURE_COLUMNS = (
    "height",
    "width",
    "tags",
    "classes",
    "area",
    "confidence",
    "ignored",
    "round",
    "source",
    "model",
    "flags",
    "agreement",
    "class_confidence",
)
BINS = 10


def figure_columns(names: Collection[str]) -> list[str]:
    """Those of :data:`FIGURE_COLUMNS` that a dataset has: older ones lack the last."""
    return [name for name in FIGURE_COLUMNS if name in names]


@dataclass
class ClassFigures:
    """Totals of one class.

    Attributes:
        tagged: Number of images with the class's tag.
        shown: Number of masks that show the class.
        pixels: Number of the class's pixels in all masks.
        confidence: Sum of the class's confidences over the images with its tag.
    """

    tagged: int = 0
    shown: int = 0
    pixels: float = 0.0
    confidence: float = 0.0


@dataclass
class Figures:
    """Totals of all rows.

    Attributes:
        rows: Number of rows.
        pixels: Number of pixels of all images.
        ignored: Number of pixels without a label.
        classes: Totals of each class, by pixel value from 1.
        histogram: Masks by the confidence of their objects, in :data:`BINS` bins of equal width
            over [0, 1].
        rounds: Number of masks by round.
        sources: Number of masks by source.
        models: Number of masks by the SHA-256 of the weights; the empty name is no model.
        flags: Number of masks by quality flag; a mask may have several.
        agreements: Number of masks that have a previous mask.
        agreement: Sum of the IoUs of masks and their previous masks.
    """

    rows: int = 0
    pixels: int = 0
    ignored: float = 0.0
    classes: dict[int, ClassFigures] = field(default_factory=dict)
    histogram: list[int] = field(default_factory=lambda: [0] * BINS)
    rounds: Counter[int] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    agreements: int = 0
    agreement: float = 0.0


def sum_figures(rows: Iterable[Row], classes: int) -> Figures:
    """Sum the small columns of a dataset's rows.

    Args:
        rows: Rows with :data:`FIGURE_COLUMNS`; ``class_confidence`` may be absent.
        classes: Number of foreground classes.
    """
    total = Figures(classes={value: ClassFigures() for value in range(1, classes + 1)})
    for row in rows:
        size = row["height"] * row["width"]
        total.rows += 1
        total.pixels += size
        total.ignored += row["ignored"] * size
        confidences = class_confidences(row)
        lowest = min(confidences.values(), default=0.0)
        total.histogram[min(BINS - 1, int(lowest * BINS))] += 1
        total.rounds[row["round"]] += 1
        total.sources[row["source"]] += 1
        total.models[row["model"]] += 1
        total.flags.update(row["flags"])
        if row["agreement"] is not None:
            total.agreements += 1
            total.agreement += row["agreement"]
        for tag, confidence in confidences.items():
            total.classes[tag].tagged += 1
            total.classes[tag].confidence += confidence
        for value, area in zip(row["classes"], row["area"], strict=True):
            total.classes[value].shown += 1
            total.classes[value].pixels += area * size
    return total
