"""The survey of a dataset: its counts, its histograms, and the ids of the masks to show.

Rows are counted one by one and not kept. Memory grows with the number of classes and of examples
alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tag2mask.pipeline.records import ClassTable, Row
from tag2mask.pipeline.records.object_confidence import class_confidences, object_confidence
from tag2mask.pipeline.report.histogram import (
    AREA_BOUNDS,
    CONFIDENCE_BOUNDS,
    OBJECT_BOUNDS,
    Histogram,
)
from tag2mask.pipeline.report.top_k import TopK

__all__ = ["BEST", "PICKS", "RANDOM", "SURVEYED", "WORST", "ClassSurvey", "Survey"]

BEST, WORST, RANDOM = PICKS = ("best", "worst", "random")
SURVEYED = ("id", "tags", "classes", "area", "confidence", "mask_confidence", "source")
OPTIONAL = ("round", "flags", "class_confidence")


class ClassSurvey:
    """The counts and examples of one class.

    Attributes:
        tagged: Images that have the tag.
        shown: Masks that show the class.
        confidence: Histogram of the class's confidence in each mask.
        area: Histogram of the class's share of the image in each mask.
        picks: The masks to show, by kind.

    Args:
        examples: Number of masks to show of each kind.
    """

    def __init__(self, examples: int) -> None:
        self.tagged = 0
        self.shown = 0
        self.confidence = Histogram(OBJECT_BOUNDS)
        self.area = Histogram(AREA_BOUNDS)
        self.picks = {kind: TopK(examples) for kind in PICKS}

    def add(
        self, row_id: str, area: float, confidence: float | None, quality: float | None
    ) -> None:
        """Count one mask that shows the class.

        Args:
            row_id: Id of the mask.
            area: Share of the image.
            confidence: Confidence of the object; None if it was not measured.
            quality: Higher for a better mask; None shows the mask among the random ones alone.
        """
        self.shown += 1
        self.area.add(area)
        if confidence is not None:
            self.confidence.add(confidence)
        if quality is not None:
            self.picks[BEST].add(row_id, -quality)
            self.picks[WORST].add(row_id, quality)
        self.picks[RANDOM].add(row_id)


class Survey:
    """The counts of a dataset.

    Attributes:
        masks: The number of masks.
        sources: Masks by source.
        rounds: Masks by the number of the round; empty if rows do not name it.
        flags: Masks by quality flag.
        confidence: Histogram of the least confidence of each image's objects.
        mask_confidence: Histogram of the confidence of whole masks, background included.
        area: Histogram of the areas of all objects.
        classes: By pixel value.

    Args:
        classes: The dataset's classes.
        examples: Number of masks to show of each class and kind.
    """

    def __init__(self, classes: ClassTable, examples: int) -> None:
        self.masks = 0
        self.sources: Counter[str] = Counter()
        self.rounds: Counter[int] = Counter()
        self.flags: Counter[str] = Counter()
        self.confidence = Histogram(OBJECT_BOUNDS)
        self.mask_confidence = Histogram(CONFIDENCE_BOUNDS)
        self.area = Histogram(AREA_BOUNDS)
        self.classes = {value: ClassSurvey(examples) for value in range(1, len(classes) + 1)}

    def add(self, row: Row, iou: Mapping[int, float] | None = None, by_iou: bool = False) -> None:
        """Count one row.

        Args:
            row: A row with the columns of :data:`SURVEYED`.
            iou: IoU with the ground truth by pixel value, where the image has a ground truth mask.
            by_iou: Whether quality is the IoU; else it is the confidence.
        """
        self.masks += 1
        self.sources[row["source"] or "unknown"] += 1
        if row.get("round") is not None:
            self.rounds[row["round"]] += 1
        self.flags.update(row.get("flags") or ())
        measured = None not in (row["confidence"] or [None] * len(row["classes"]))
        confidences = class_confidences(row) if measured else {}
        if measured:
            self.confidence.add(object_confidence(row))
        if row["mask_confidence"] is not None:
            self.mask_confidence.add(row["mask_confidence"])
        for tag in row["tags"]:
            self.classes[tag].tagged += 1
        for value, area in zip(row["classes"], row["area"], strict=True):
            confidence = confidences.get(value)
            quality = (iou or {}).get(value) if by_iou else confidence
            self.area.add(area)
            self.classes[value].add(row["id"], area, confidence, quality)

    def picks(self) -> dict[str, list[tuple[str, int]]]:
        """The ids of the masks to show, each with the kinds and classes that it stands for."""
        found: dict[str, list[tuple[str, int]]] = {}
        for value, survey in self.classes.items():
            for kind, chosen in survey.picks.items():
                for row_id in chosen:
                    found.setdefault(row_id, []).append((kind, value))
        return found
