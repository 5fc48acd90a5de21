"""Select: each reason to leave a mask out, and the rows that are kept."""

import pytest
from pydantic import ValidationError

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.stages.select import Select

NAMES = ["cat", "dog", "bird"]


def row(areas, tags=None, confidence=0.9):
    """A row whose classes take the shares of ``areas``; its background is certain."""
    return {
        "tags": list(areas) if tags is None else tags,
        "classes": list(areas),
        "area": list(areas.values()),
        "confidence": [confidence] * len(areas),
        "mask_confidence": 0.99,
    }


def verdict(row, **settings):
    (selected,) = Select(settings, NAMES)([row])
    assert selected["kept"] == (selected["reason"] == "")
    return selected["reason"]


def test_a_good_mask_is_kept_and_stays_as_it_is():
    given = row({1: 0.3})
    (selected,) = Select({}, NAMES)([given])
    assert selected == {**given, "kept": True, "reason": ""}


@pytest.mark.parametrize("share", [0.10, 0.80])
def test_the_bounds_belong_to_the_range(share):
    assert verdict(row({1: share})) == ""


@pytest.mark.parametrize(("share", "told"), [(0.05, "5.0%"), (0.9, "90.0%")])
def test_one_class_is_too_small_or_too_large(share, told):
    reason = verdict(row({2: share}))
    assert reason.startswith("area: ")
    assert told in reason
    assert "10%" in reason
    assert "80%" in reason


def test_a_tag_is_missing_from_the_mask():
    reason = verdict(row({1: 0.3}, tags=[1, 3]))
    assert reason.startswith("tag not found: bird ")


def test_all_missing_tags_are_named():
    reason = verdict(row({1: 0.3, 2: 0.001}, tags=[1, 2, 3]))
    assert "dog, bird" in reason
    assert "1.0%" in reason


def test_objects_fill_the_image():
    assert verdict(row({1: 0.5, 2: 0.46})).startswith("area: objects take 96.0%")
    assert verdict(row({1: 0.5, 2: 0.44})) == ""


def test_an_uncertain_object():
    low = row({1: 0.3}, confidence=0.6)
    assert verdict(low, confidence=0.7) == "confidence: cat has 0.60, under 0.70"
    assert verdict(low, confidence=0.6) == ""
    assert verdict(row({1: 0.3}, confidence=0.7), confidence=0.7) == ""


def test_thresholds_may_differ_by_class():
    low = row({1: 0.3, 2: 0.2}, confidence=0.6)
    assert verdict(low, confidence={"dog": 0.7}) == "confidence: dog has 0.60, under 0.70"
    assert verdict(low, confidence={"bird": 0.9}) == ""
    assert verdict(low, confidence={"dog": 0.5, "*": 0.7}).startswith("confidence: cat has")
    with pytest.raises(UserError, match="unknown class 'cow'"):
        verdict(low, confidence={"cow": 0.5})


def test_a_mask_of_nothing():
    assert verdict(row({}, tags=[1])).startswith("tag not found: cat")


def test_rows_keep_their_order():
    rows = [row({1: 0.3}), row({1: 0.01}), row({2: 0.5})]
    assert [r["kept"] for r in Select({}, NAMES)(rows)] == [True, False, True]


@pytest.mark.parametrize(
    "settings", [{"tag_area": 2}, {"simple_area": (0, 80)}, {"confidence": -1}, {"areas": 1}]
)
def test_bounds_are_shares(settings):
    with pytest.raises(ValidationError):
        Select(settings, NAMES)
