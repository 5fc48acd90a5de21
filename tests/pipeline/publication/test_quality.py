"""Quality flags: their conditions and thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from tag2mask.pipeline.publication.quality import FLAGS, QualitySettings, agreement, find_flags
from tag2mask.pipeline.records import Row

GOOD: Row = {
    "mask_confidence": 0.9,
    "agreement": 0.9,
    "tags": [1, 2],
    "classes": [1, 2],
    "area": [0.2, 0.3],
    "ignored": 0.0,
    "tag_probability": [0.9, 0.8],
    "near_duplicate_of": None,
}


@pytest.mark.parametrize(
    ("changes", "raised"),
    [
        ({}, []),
        ({"tag_probability": None}, []),  # a person's mask: no tagger was asked
        ({"tag_probability": [0.9, 0.099]}, ["tag_doubted"]),
        ({"tag_probability": [0.9, 0.1]}, []),
        ({"near_duplicate_of": "f" * 64}, ["near_duplicate"]),
        ({"mask_confidence": 0.69, "tag_probability": [0.0, 0.0]}, ["uncertain", "tag_doubted"]),
        ({"classes": [1], "area": [0.01]}, ["tag_missing", "small_object"]),
        ({"agreement": 0.4, "ignored": 0.4}, ["unstable", "mostly_ignored"]),
    ],
)
def test_flags_by_their_conditions(changes: Row, raised: list[str]) -> None:
    assert find_flags({**GOOD, **changes}, QualitySettings()) == raised
    assert set(raised) <= set(FLAGS)


def test_bounds_are_settings() -> None:
    row = {**GOOD, "tag_probability": [0.3, 0.9]}
    assert find_flags(row, QualitySettings(tag_probability=0.4)) == ["tag_doubted"]


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
