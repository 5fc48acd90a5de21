"""Quality flags: their conditions and thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tag2mask.pipeline.publication.quality import FLAGS, QualitySettings, agreement, find_flags
from tag2mask.pipeline.records import ClassTable, Row
from tag2mask.pipeline.records.confidence_thresholds import class_thresholds

GOOD: Row = {
    "class_confidence": [0.9, 0.8],
    "agreement": 0.9,
    "tags": [1, 2],
    "classes": [1, 2],
    "area": [0.2, 0.3],
    "ignored": 0.0,
    "tag_probability": [0.9, 0.8],
    "near_duplicate_of": None,
}


def flags(row: Row, settings: QualitySettings) -> list[str]:
    classes = ClassTable(names=("cat", "dog", "bird"))
    return find_flags(row, settings, class_thresholds(settings.confidence, classes))


@pytest.mark.parametrize(
    ("changes", "raised"),
    [
        ({}, []),
        ({"tag_probability": None}, []),  # a person's mask: no tagger was asked
        ({"tag_probability": [0.9, 0.099]}, ["tag_doubted"]),
        ({"tag_probability": [0.9, 0.1]}, []),
        ({"near_duplicate_of": "f" * 64}, ["near_duplicate"]),
        (
            {"class_confidence": [0.9, 0.49], "tag_probability": [0.0, 0.0]},
            ["uncertain", "tag_doubted"],
        ),
        ({"class_confidence": [0.9, 0.5]}, []),
        (
            {"classes": [1], "area": [0.01], "class_confidence": [0.9, 0.0]},
            ["tag_missing", "small_object"],
        ),
        ({"agreement": 0.4, "ignored": 0.4}, ["unstable", "mostly_ignored"]),
    ],
)
def test_flags_by_their_conditions(changes: Row, raised: list[str]) -> None:
    assert flags({**GOOD, **changes}, QualitySettings()) == raised
    assert set(raised) <= set(FLAGS)


def test_bounds_are_settings() -> None:
    row = {**GOOD, "tag_probability": [0.3, 0.9]}
    assert flags(row, QualitySettings(tag_probability=0.4)) == ["tag_doubted"]


@pytest.mark.parametrize(
    ("thresholds", "raised"),
    [
        (0.81, ["uncertain"]),
        ({"dog": 0.81}, ["uncertain"]),
        ({"dog": 0.8, "*": 0.9}, []),
        ({"cat": 0.91}, ["uncertain"]),
        ({"bird": 1.0}, []),
    ],
)
def test_thresholds_may_differ_by_class(thresholds: Any, raised: list[str]) -> None:
    assert flags(GOOD, QualitySettings(confidence=thresholds)) == raised


def test_agreement_is_the_mean_iou_over_the_classes_of_either_mask() -> None:
    mask = np.array([[0, 1, 1, 2], [0, 1, 1, 255]], np.uint8)
    before = np.array([[0, 0, 1, 2], [0, 1, 1, 2]], np.uint8)
    # Class 1: 3 of 4; class 2: 1 of 1, where both have a label.
    assert agreement(mask, before) == pytest.approx((3 / 4 + 1) / 2)
    assert agreement(mask, mask) == 1
    assert agreement(np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)) == 1
    assert agreement(mask, np.zeros_like(mask)) == 0
    with pytest.raises(ValueError, match="have the sizes"):
        agreement(mask, mask[:1])
