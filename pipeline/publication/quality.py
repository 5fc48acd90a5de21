"""Quality flags of published masks: they warn of doubtful masks, and no mask is dropped."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tag2mask.pipeline.records import IGNORE, Row
from tag2mask.pipeline.records.confidence_thresholds import Thresholds
from tag2mask.pipeline.records.object_confidence import class_confidences

UNCERTAIN = "uncertain"
UNSTABLE = "unstable"
TAG_MISSING = "tag_missing"
TAG_DOUBTED = "tag_doubted"
SMALL_OBJECT = "small_object"
MOSTLY_IGNORED = "mostly_ignored"
NEAR_DUPLICATE = "near_duplicate"

FLAGS = {
    UNCERTAIN: "the confidence of one of the classes is low",
    UNSTABLE: "the mask differs much from the mask of the previous round",
    TAG_MISSING: "the mask does not show one of the tags",
    TAG_DOUBTED: "the tagger does not find one of the tags in the image",
    SMALL_OBJECT: "a class covers a small share of the image",
    MOSTLY_IGNORED: "a large share of the image has no label",
    NEAR_DUPLICATE: "another image is nearly the same; near_duplicate_of names it",
}


class QualitySettings(BaseModel):
    """Thresholds of the quality flags."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    confidence: Thresholds = Field(
        0.5,
        description="A mask with a lower confidence of a class is uncertain; by class as "
        '{"cat": 0.6, "*": 0.5}.',
    )
    agreement: float = Field(
        0.5, ge=0, le=1, description="A mask with a lower IoU with the previous one is unstable."
    )
    area: float = Field(
        0.02, ge=0, le=1, description="A class with a smaller share of the image is a small object."
    )
    tag_probability: float = Field(
        0.1, ge=0, le=1, description="A tag with a lower probability by the tagger is doubted."
    )
    ignored: float = Field(
        0.3, ge=0, le=1, description="An image with a larger unlabeled share is mostly ignored."
    )


def agreement(mask: np.ndarray, before: np.ndarray) -> float:
    """Compute the mean IoU of two masks over the foreground classes of either.

    Args:
        mask: (H, W) uint8 classes; pixels that are 255 in one of the masks do not count.
        before: (H, W) uint8, the other mask.

    Returns:
        The mean IoU in [0, 1]; 1 if no pixel counts or both masks hold only background.

    Raises:
        ValueError: If the sizes differ.
    """
    if mask.shape != before.shape:
        raise ValueError(
            f"masks of one image have the sizes {mask.shape} and {before.shape}: they must agree"
        )
    counted = (mask != IGNORE) & (before != IGNORE)
    ours, theirs = mask[counted], before[counted]
    shown = sorted({*np.unique(ours).tolist(), *np.unique(theirs).tolist()} - {0})
    ratios = [
        float(
            ((ours == value) & (theirs == value)).sum()
            / ((ours == value) | (theirs == value)).sum()
        )
        for value in shown
    ]
    return sum(ratios) / len(ratios) if ratios else 1.0


def find_flags(row: Row, settings: QualitySettings, thresholds: np.ndarray) -> list[str]:
    """Find the quality flags of a published row, in the order of :data:`FLAGS`.

    Args:
        row: A row with ``class_confidence``, ``agreement`` (None without an earlier mask),
            ``tags``, ``tag_probability`` (None without a tagger), ``classes``, ``area``,
            ``ignored`` and ``near_duplicate_of``.
        settings: Thresholds of the flags.
        thresholds: (K + 1,) threshold of the confidence of each pixel value.
    """
    raised = {
        UNCERTAIN: any(
            np.float32(confidence) < thresholds[tag]
            for tag, confidence in class_confidences(row).items()
            if tag in row["classes"]  # a tag without pixels is missing
        ),
        UNSTABLE: row["agreement"] is not None and row["agreement"] < settings.agreement,
        TAG_MISSING: not set(row["tags"]) <= set(row["classes"]),
        TAG_DOUBTED: any(p < settings.tag_probability for p in row["tag_probability"] or ()),
        SMALL_OBJECT: any(share < settings.area for share in row["area"]),
        MOSTLY_IGNORED: row["ignored"] > settings.ignored,
        NEAR_DUPLICATE: row["near_duplicate_of"] is not None,
    }
    return [name for name in FLAGS if raised[name]]
