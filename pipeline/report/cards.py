"""Cards: the parts of the inspection page for one image and its mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.evaluation.voc import confusion
from tag2mask.pipeline.records import ClassTable, Row, decode_mask
from tag2mask.pipeline.records.object_confidence import class_confidences, object_confidence
from tag2mask.pipeline.report.thumbnails import (
    image_uri,
    outline_uri,
    overlay_uri,
    thumbnail_size,
)

__all__ = ["REJECTED", "Card", "image_iou", "make_card"]

REJECTED = "rejected"


@dataclass(frozen=True)
class Card:
    """One image with its mask.

    Args:
        name: Path of the image.
        tags: Names of the image's tags.
        image: Data URI of the image; the other layers have its size.
        outline: Data URI of the mask's contours.
        overlay: Data URI of the mask's areas.
        ground_truth: Data URI of the ground truth mask's areas; None without ground truth.
        size: Width and height of the layers in pixels.
        confidence: Confidence of the object by tag, and the least of them under ``""``.
        mask_confidence: Mean probability of the whole mask, background included; None if it was
            not measured.
        iou: IoU by class name, and their mean under ``""``; empty without ground truth.
        area: Share of the image by class name.
        picks: Reasons to show the image, as kind and class name. An image with a rejected mask
            has the kind ``rejected`` and its tags.
        source: Name of the scorer, model or person that made the mask.
        flags: Quality flags.
        reason: Reason of the mask's rejection; empty for a mask of the dataset.
    """

    name: str
    tags: tuple[str, ...]
    image: str
    outline: str
    overlay: str
    ground_truth: str | None
    size: tuple[int, int]
    confidence: dict[str, float]
    mask_confidence: float | None
    iou: dict[str, float]
    area: dict[str, float]
    picks: tuple[tuple[str, str], ...]
    source: str
    flags: tuple[str, ...] = ()
    reason: str = ""


def make_card(
    row: Row,
    image: Row,
    picks: Sequence[tuple[str, int]],
    classes: ClassTable,
    side: int,
    ground_truth: GroundTruthFolder | None = None,
) -> Card:
    """Make the card of a row that has a mask.

    Args:
        row: Row of a dataset or of a round.
        image: Row with ``image`` and ``tags``: the same row, or that of the images table.
        picks: Reasons to show the image, as kind and pixel value.
        classes: Class table of the pixel values.
        side: Longer side of the thumbnails in pixels.
        ground_truth: The ground truth masks.
    """
    mask = decode_mask(row["mask"]["bytes"])
    true = ground_truth.mask(row["mask"]["path"]) if ground_truth else None
    size = thumbnail_size(mask.shape[1], mask.shape[0], side)
    names = [classes.name(value) for value in row["classes"]]
    tagged = {**row, "tags": image["tags"]}
    confidence = {classes.name(tag): value for tag, value in class_confidences(tagged).items()}
    confidence[""] = object_confidence(tagged)
    return Card(
        name=image["image"]["path"] or row["id"],
        tags=tuple(classes.name(tag) for tag in image["tags"]),
        image=image_uri(image["image"]["bytes"], size),
        outline=outline_uri(mask, size),
        overlay=overlay_uri(mask, size),
        ground_truth=None if true is None else overlay_uri(true, size),
        size=size,
        confidence=confidence,
        mask_confidence=row["mask_confidence"],
        iou={} if true is None else _named(confusion(true, mask, len(classes)), classes),
        area=dict(zip(names, row["area"], strict=True)),
        picks=tuple((kind, classes.name(value)) for kind, value in picks),
        source=row["source"] or "",
        flags=tuple(row.get("flags") or ()),
        reason=row.get("reason") or "",
    )


def image_iou(matrix: np.ndarray) -> dict[int, float]:
    """Compute the IoU of one image by pixel value, for the objects of its mask or ground truth.

    Args:
        matrix: (K + 1, K + 2) as :func:`tag2mask.pipeline.evaluation.voc.confusion` counts it.
    """
    shared = np.diagonal(matrix)
    union = matrix.sum(axis=1) + matrix[:, :-1].sum(axis=0) - shared
    return {
        int(value): float(shared[value] / union[value]) for value in np.flatnonzero(union) if value
    }


def _named(matrix: np.ndarray, classes: ClassTable) -> dict[str, float]:
    iou = image_iou(matrix)
    named = {classes.name(value): score for value, score in iou.items()}
    return {**named, "": sum(iou.values()) / len(iou)} if iou else {}
