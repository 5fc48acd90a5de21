"""Variants of the rounds: other names, no augmentation, and only as many masks as are needed."""

import pytest

from tag2mask.pipeline.benchmarks.loop_variants import (
    augmented_round,
    plain_rounds,
    rename_rounds,
    train_rounds,
)
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.rounds import Round, labeling_rounds

RECIPE = Recipe(augmentation=(0.0, 0.5))


def test_plain_rounds_are_not_augmented():
    rounds = plain_rounds(RECIPE)
    assert [each.thresholds for each in rounds] == [(), (), ()]
    assert rounds[:2] == labeling_rounds(RECIPE)[:2]


def test_the_augmented_round_is_the_last_one_under_another_name():
    last = labeling_rounds(RECIPE)[-1]
    found = augmented_round(RECIPE)
    assert found.name == "augmented"
    assert found.thresholds == (0.0, 0.5)
    assert (found.masks, found.starts_after) == (last.masks, last.starts_after)


def test_renamed_rounds_refer_to_each_other():
    renamed = rename_rounds(plain_rounds(RECIPE), lambda name: f"direct {name}")
    assert [each.name for each in renamed] == [
        "direct initial",
        "direct enhanced",
        "direct powerful",
    ]
    assert [each.masks for each in renamed] == ["affinity", "direct initial", "direct enhanced"]
    assert [each.starts_after for each in renamed] == [None, "direct initial", "direct enhanced"]
    assert [each.soft for each in renamed] == [True, False, False]


class RecordingRun:
    """Makes strings in the place of tables, and keeps the order of its calls."""

    def __init__(self):
        self.calls = []

    def train_segmenter(self, each, images, masks):
        self.calls.append(("train", each.name, masks))

    def relabel(self, each, images):
        self.calls.append(("relabel", each.name))
        return f"masks of {each.name}"


def test_masks_that_train_no_round_are_not_made():
    run = RecordingRun()
    masks = train_rounds(run, "images", "seeds", plain_rounds(RECIPE))
    assert run.calls == [
        ("train", "initial", "seeds"),
        ("relabel", "initial"),
        ("train", "enhanced", "masks of initial"),
        ("relabel", "enhanced"),
        ("train", "powerful", "masks of enhanced"),
    ]
    assert masks == {
        "affinity": "seeds",
        "initial": "masks of initial",
        "enhanced": "masks of enhanced",
    }


def test_a_round_may_learn_from_masks_that_are_not_the_last():
    run = RecordingRun()
    train_rounds(run, "images", "seeds", [*plain_rounds(RECIPE), augmented_round(RECIPE)])
    assert run.calls[-1] == ("train", "augmented", "masks of enhanced")


def test_unknown_masks_are_an_error():
    with pytest.raises(KeyError, match="missing"):
        train_rounds(RecordingRun(), "images", "seeds", [Round("a"), Round("b", masks="missing")])
