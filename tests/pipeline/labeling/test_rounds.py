"""The sequence of rounds that a recipe describes."""

import pytest

from tag2mask.pipeline.labeling.recipe import Recipe, read_recipe
from tag2mask.pipeline.labeling.rounds import labeling_rounds, mask_names, model_names
from tag2mask.pipeline.labeling.selection import is_simple
from tag2mask.pipeline.records.round_names import ROUND_NAMES

DIRECT = read_recipe(None, ["affinity=null"])


def test_each_round_learns_from_the_one_before():
    rounds = labeling_rounds(Recipe())
    assert [each.masks for each in rounds] == ["affinity", "initial", "enhanced"]
    assert [each.starts_after for each in rounds] == [None, "initial", "enhanced"]
    assert [each.soft for each in rounds] == [True, False, False]
    assert labeling_rounds(DIRECT)[0].masks == "seed"
    assert labeling_rounds(DIRECT)[1:] == rounds[1:]


def test_simple_images_come_first():
    assert [each.select for each in labeling_rounds(Recipe())] == [is_simple, None, None]


@pytest.mark.parametrize("thresholds", [(0.0, 0.5), ()])
def test_the_recipe_augments_the_last_round_alone(thresholds):
    recipe = Recipe(augmentation=thresholds)
    assert [each.thresholds for each in labeling_rounds(recipe)] == [(), (), thresholds]


def test_names_are_those_of_the_recipe():
    assert mask_names(Recipe()) == ROUND_NAMES
    assert mask_names(DIRECT) == ("seed", "initial", "enhanced", "powerful")
    assert model_names(Recipe()) == ("tagger", "affinity", "initial", "enhanced", "powerful")
    assert model_names(DIRECT) == ("tagger", "initial", "enhanced", "powerful")
