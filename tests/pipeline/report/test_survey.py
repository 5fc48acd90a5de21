"""The survey: counts, and the masks that stand for their class."""

import pytest

from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.report.survey import Survey

CLASSES = ClassTable(names=("cat", "dog"))


def row(number, classes=(1,), confidence=0.5, **changes):
    return {
        "id": f"{number:04d}",
        "tags": [1, 2],
        "classes": list(classes),
        "area": [0.1] * len(classes),
        "confidence": [confidence] * len(classes),
        "mask_confidence": confidence,
        "source": "powerful",
        **changes,
    }


def test_counts():
    survey = Survey(CLASSES, examples=2)
    survey.add(row(1, round=3, flags=["uncertain", "unstable"]))
    survey.add(row(2, (1, 2), round=3, flags=[]))
    survey.add(row(3, source="human", confidence=None, mask_confidence=None, round=4, flags=None))
    assert survey.masks == 3
    assert survey.sources == {"powerful": 2, "human": 1}
    assert survey.rounds == {3: 2, 4: 1}
    assert survey.flags == {"uncertain": 1, "unstable": 1}
    assert (survey.confidence.count, survey.area.count) == (2, 4)
    # The first image lacks the tag dog, the second has both.
    assert survey.confidence.total == pytest.approx(0.0 + 0.5)
    assert (survey.mask_confidence.count, survey.mask_confidence.total) == (2, 1.0)
    cat, dog = survey.classes[1], survey.classes[2]
    assert (cat.tagged, cat.shown, dog.tagged, dog.shown) == (3, 3, 3, 1)


@pytest.mark.parametrize("order", [1, -1])
def test_picks_go_by_confidence(order):
    survey = Survey(CLASSES, examples=2)
    for number in range(1000)[::order]:
        survey.add(row(number, confidence=((number * 7) % 1000) / 1000))
    picks = survey.picks()
    assert [i for i, why in picks.items() if ("worst", 1) in why] == ["0000", "0143"]
    assert [i for i, why in picks.items() if ("best", 1) in why] == ["0857", "0714"]
    assert [i for i, why in picks.items() if ("random", 1) in why] == ["0000", "0001"]
    assert not any(value == 2 for why in picks.values() for _, value in why)


def test_with_the_ground_truth_picks_go_by_iou():
    survey = Survey(CLASSES, examples=1)
    survey.add(row(1, confidence=0.9), {1: 0.2}, by_iou=True)
    survey.add(row(2, confidence=0.8), {1: 0.7}, by_iou=True)
    survey.add(row(3, confidence=1.0), None, by_iou=True)  # nobody knows how good it is
    assert survey.picks() == {"0002": [("best", 1)], "0001": [("worst", 1), ("random", 1)]}


def test_masks_without_confidence_are_left_to_chance():
    survey = Survey(CLASSES, examples=1)
    survey.add(row(1, confidence=None) | {"confidence": None})
    assert survey.picks() == {"0001": [("random", 1)]}
