"""Totals of a dataset's small columns: counts by class, round, source and confidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tag2mask.pipeline.records import Row

# The columns from which the figures are computed.
FIGURE_COLUMNS = (
    "height",
    "width",
    "tags",
    "classes",
    "area",
    "confidence",
    "mask_confidence",
    "ignored",
    "round",
    "source",
    "model",
    "flags",
    "agreement",
)
BINS = 10


@dataclass
class ClassFigures:
    """Totals of one class.

    Attributes:
        tagged: Number of images with the class's tag.
        shown: Number of masks that show the class.
        pixels: Number of the class's pixels in all masks.
        confidence: Sum of the class's mean probabilities over the masks.
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
        histogram: Masks by mean probability, in :data:`BINS` bins of equal width over [0, 1].
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
        rows: Rows with :data:`FIGURE_COLUMNS`.
        classes: Number of foreground classes.
    """
    total = Figures(classes={value: ClassFigures() for value in range(1, classes + 1)})
    for row in rows:
        size = row["height"] * row["width"]
        total.rows += 1
        total.pixels += size
        total.ignored += row["ignored"] * size
        total.histogram[min(BINS - 1, int(row["mask_confidence"] * BINS))] += 1
        total.rounds[row["round"]] += 1
        total.sources[row["source"]] += 1
        total.models[row["model"]] += 1
        total.flags.update(row["flags"])
        if row["agreement"] is not None:
            total.agreements += 1
            total.agreement += row["agreement"]
        for tag in row["tags"]:
            total.classes[tag].tagged += 1
        shown = zip(row["classes"], row["area"], row["confidence"], strict=True)
        for value, area, confidence in shown:
            total.classes[value].shown += 1
            total.classes[value].pixels += area * size
            total.classes[value].confidence += confidence
    return total
