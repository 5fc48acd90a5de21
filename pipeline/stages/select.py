"""Select: the filter of the masks, with a reason for each rejected one."""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tag2mask.pipeline.records import ClassTable, Row
from tag2mask.pipeline.records.confidence_thresholds import Share, Thresholds, class_thresholds
from tag2mask.pipeline.records.object_confidence import raw_confidences


class SelectSettings(BaseModel):
    """The bounds of the filter; the shares are BDWSS's (Shen et al., CVPR 2018)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    simple_area: tuple[Share, Share] = Field(
        (0.10, 0.80), description="Share that the class of a one-tag image may take."
    )
    tag_area: float = Field(
        0.01, ge=0, le=1, description="Least share that every tag of any image must take."
    )
    objects_area: float = Field(
        0.95, ge=0, le=1, description="Largest share that all objects together may take."
    )
    confidence: Thresholds = Field(
        0.0,
        description="Least mean probability of the pixels of every tag, before calibration; by "
        'class as {"cat": 0.6, "*": 0.5}.',
    )


class Select:
    """Adds ``kept`` and, if it is false, the ``reason``: no mask is dropped silently.

    Args:
        settings: The bounds, as a dictionary of :class:`SelectSettings`.
        class_names: Names by pixel value, for the reasons.

    Raises:
        UserError: If a threshold names no class.
    """

    def __init__(self, settings: dict[str, object], class_names: list[str]) -> None:
        self.settings = SelectSettings.model_validate(settings)
        self.class_names = class_names
        classes = ClassTable(names=tuple(class_names))
        self.thresholds = class_thresholds(self.settings.confidence, classes)

    def __call__(self, rows: list[Row]) -> list[Row]:
        """The same rows with the decision and its reason."""
        return [{**row, "kept": not (why := self.reason(row)), "reason": why} for row in rows]

    def reason(self, row: Row) -> str:
        """The reason why a mask is rejected, in words; empty if it is kept."""
        bounds = self.settings
        area = dict(zip(row["classes"], row["area"], strict=True))
        absent = [tag for tag in row["tags"] if area.get(tag, 0.0) < bounds.tag_area]
        if absent:
            names = ", ".join(self.class_names[tag - 1] for tag in absent)
            return f"tag not found: {names} under {bounds.tag_area:.1%} of the image"
        if len(row["tags"]) == 1:
            low, high = bounds.simple_area
            share = area.get(row["tags"][0], 0.0)
            if not low <= share <= high:
                return f"area: {share:.1%} is not between {low:.0%} and {high:.0%}"
        elif sum(area.values()) > bounds.objects_area:
            return f"area: objects take {sum(area.values()):.1%} of the image"
        for tag, confidence in zip(row["tags"], raw_confidences(row), strict=True):
            least = self.thresholds[tag]
            if np.float32(confidence) < least:
                name = self.class_names[tag - 1]
                return f"confidence: {name} has {confidence:.2f}, under {least:.2f}"
        return ""
