"""The confidence of an image's objects, by tag; background has no part in it.

The mean probability of a whole mask says little: most pixels are background, and background is
easy. On generated images, its rank correlation with the IoU of the objects is 0.48, that of the
mean over the object's pixels 0.61; on photographs 0.03 and 0.58 (VOC-6, round ``initial``).
"""

from __future__ import annotations

from collections.abc import Collection

from tag2mask.pipeline.records.schemas import Row

# The columns from which the confidences are read; datasets of earlier releases lack the last.
CONFIDENCE_COLUMNS = ("tags", "classes", "confidence", "class_confidence")


def confidence_columns(names: Collection[str]) -> tuple[str, ...]:
    """Those of :data:`CONFIDENCE_COLUMNS` that a table has."""
    return tuple(name for name in CONFIDENCE_COLUMNS if name in names)


def raw_confidences(row: Row) -> list[float]:
    """The mean probability of each tag's pixels before calibration; 0 for a tag without pixels."""
    shown = dict(zip(row["classes"] or (), row["confidence"] or (), strict=False))
    return [float(shown.get(tag) or 0.0) for tag in row["tags"]]


def class_confidences(row: Row) -> dict[int, float]:
    """The confidence of each tag, by pixel value.

    Args:
        row: A row with :data:`CONFIDENCE_COLUMNS`. Without ``class_confidence``, as in datasets
            of earlier releases, the confidence is the mean probability of the tag's pixels.
    """
    found = row.get("class_confidence")
    return dict(zip(row["tags"], raw_confidences(row) if found is None else found, strict=True))


def object_confidence(row: Row) -> float:
    """The least confidence of an image's tags; 0 for an image without tags."""
    return min(class_confidences(row).values(), default=0.0)
