"""What a dataset's small columns add up to: counts by class, round, source and confidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tag2mask.pipeline.records import Row

# What the figures are made of.
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
    """Of one class.

    Attributes:
        tagged: Images with its tag.
        shown: Masks that show it.
        pixels: Its pixels in all masks.
        confidence: Sum over the masks of its mean probability.
    """

    tagged: int = 0
    shown: int = 0
    pixels: float = 0.0
    confidence: float = 0.0


@dataclass
class Figures:
    """Of all rows.

    Attributes:
        rows: Number of rows.
        pixels: Of all images.
        ignored: Pixels without a label.
        classes: By pixel value, from 1.
        histogram: Masks by mean probability, in :data:`BINS` bins of equal width over [0, 1].
        rounds: Masks by round.
        sources: Masks by source.
        models: Masks by the SHA-256 of the weights, empty where no model took part.
        flags: Masks by quality flag; a mask may have several.
        agreements: Number of masks with an earlier one to compare with.
        agreement: Sum of their IoUs with it.
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


def figures(rows: Iterable[Row], classes: int) -> Figures:
    """Adds up the rows of a dataset.

    Args:
        rows: With :data:`FIGURE_COLUMNS`.
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
