"""Quality flags: what to know of a published mask before one trusts it; nothing is dropped."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tag2mask.pipeline.records import IGNORE, Row

UNCERTAIN = "uncertain"
UNSTABLE = "unstable"
TAG_MISSING = "tag_missing"
TAG_DOUBTED = "tag_doubted"
SMALL_OBJECT = "small_object"
MOSTLY_IGNORED = "mostly_ignored"
NEAR_DUPLICATE = "near_duplicate"

FLAGS = {
    UNCERTAIN: "the mask's mean probability is low",
    UNSTABLE: "the mask differs much from that of the round before",
    TAG_MISSING: "the mask does not show one of the tags",
    TAG_DOUBTED: "the tagger does not find one of the tags in the image",
    SMALL_OBJECT: "a class takes a small share of the image",
    MOSTLY_IGNORED: "much of the image has no label",
    NEAR_DUPLICATE: "the image looks like another one, which is named",
}


class QualitySettings(BaseModel):
    """Where the flags begin."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    confidence: float = Field(
        0.7, ge=0, le=1, description="A mask of a lower mean probability is uncertain."
    )
    agreement: float = Field(
        0.5, ge=0, le=1, description="A mask of a lower IoU with the one before is unstable."
    )
    area: float = Field(
        0.02, ge=0, le=1, description="A class of a smaller share makes a small object."
    )
    tag_probability: float = Field(
        0.1, ge=0, le=1, description="A tag that the tagger finds less probable is doubted."
    )
    ignored: float = Field(
        0.3, ge=0, le=1, description="A larger share without label is mostly ignored."
    )


def agreement(mask: np.ndarray, before: np.ndarray) -> float:
    """Mean IoU of two masks of an image over the classes that either shows.

    Args:
        mask: (H, W) uint8 classes; pixels that one of the two ignores do not count.
        before: The same of the other mask.

    Returns:
        0 to 1; 1 where no pixel counts or both show nothing but background.

    Raises:
        ValueError: If the sizes differ.
    """
    if mask.shape != before.shape:
        raise ValueError(f"masks of one image have the sizes {mask.shape} and {before.shape}")
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


def flags(row: Row, settings: QualitySettings) -> list[str]:
    """The flags of a published row, in the order of :data:`FLAGS`.

    Args:
        row: With ``mask_confidence``, ``agreement`` (None without an earlier mask),
            ``tags``, ``tag_probability`` (None where no tagger was asked), ``classes``,
            ``area``, ``ignored`` and ``near_duplicate_of``.
        settings: Where they begin.
    """
    raised = {
        UNCERTAIN: row["mask_confidence"] < settings.confidence,
        UNSTABLE: row["agreement"] is not None and row["agreement"] < settings.agreement,
        TAG_MISSING: not set(row["tags"]) <= set(row["classes"]),
        TAG_DOUBTED: any(p < settings.tag_probability for p in row["tag_probability"] or ()),
        SMALL_OBJECT: any(share < settings.area for share in row["area"]),
        MOSTLY_IGNORED: row["ignored"] > settings.ignored,
        NEAR_DUPLICATE: row["near_duplicate_of"] is not None,
    }
    return [name for name in FLAGS if raised[name]]
