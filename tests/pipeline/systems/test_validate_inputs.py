"""Inputs of systems: missing inputs and inputs that would be ignored are both errors."""

from dataclasses import replace

import pytest

from tag2mask.models.system_factory import SYSTEMS
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.systems.recipe import read_system_recipe
from tag2mask.pipeline.systems.validate_inputs import (
    GENERATION,
    TRANSFORMATION,
    GenerationInputs,
    TransformationInputs,
    check_generation,
    check_transformation,
)


@pytest.mark.parametrize(
    ("task", "given", "says"),
    [
        ("dcgan", {}, None),
        ("dcgan", {"tags": ("cat",)}, "M takes no classes: leave --tags out"),
        ("dcgan", {"like": "D"}, "M makes images of noise alone: leave --like out"),
        ("dcgan", {"sentence": "a cat"}, "reads no sentences: leave --sentence out"),
        ("cgan", {}, None),
        ("cgan", {"tags": ("cat",), "like": "D"}, None),
        ("mask_gan", {"like": "D"}, None),
        ("mask_gan", {}, "M needs the mask of a dataset: name one by --like"),
        ("mask_gan", {"like": "D", "tags": ("cat",)}, "M takes no classes: leave --tags out"),
    ],
)
def test_generation(task, given, says):
    check(check_generation, GenerationInputs(SYSTEMS[task], "M", **given), says)


@pytest.mark.parametrize(
    ("task", "given", "says"),
    [
        ("colorization", {}, None),
        ("colorization", {"is_dataset": True}, None),
        ("colorization", {"masks": "F"}, "M reads no masks: leave --masks out"),
        ("colorization", {"tags": ("cat",)}, "M takes no classes: leave --tags out"),
        ("colorization", {"style": "a.png"}, "no other image: leave --style out"),
        ("gatys", {"style": "a.png"}, None),
        ("gatys", {}, "M needs an image whose style it takes: name one by --style"),
        ("mask_to_photo", {}, None),
        ("mask_to_photo", {"masks": "F"}, "of masks alone: name their folder as the images"),
        ("inpainting", {"masks": "F"}, None),
        ("inpainting", {"is_dataset": True}, None),
        ("inpainting", {}, "M needs a mask of every image: name their folder by --masks"),
        ("inpainting", {"is_dataset": True, "masks": "F"}, "a dataset has masks of its own"),
        ("masked_fast_style", {"masks": "F", "tags": ("cat",)}, None),
        ("masked_fast_style", {"masks": "F"}, "M changes some classes alone: name them by --tags"),
        ("flow_simple", {}, None),
        ("flow_simple", {"is_dataset": True}, "needs frames, which follow each other"),
    ],
)
def test_transformation(task, given, says):
    check(check_transformation, TransformationInputs(SYSTEMS[task], "M", **given), says)


def test_a_sentence_stands_alone():
    system = read_system_recipe("text_gan").build(ClassTable(names=("dog", "cat")))
    given = GenerationInputs(system, "M", sentence="a cat left of a dog")
    check(check_generation, given, None)
    check(check_generation, replace(given, tags=("cat",)), "leave --tags and --like out")
    check(check_generation, replace(given, sentence="a horse"), "horse")


@pytest.mark.parametrize("preconditions", [GENERATION, TRANSFORMATION])
def test_names_of_preconditions_differ(preconditions):
    assert len({each.name for each in preconditions}) == len(preconditions)


def check(validate, given, says):
    if says is None:
        validate(given)
    else:
        with pytest.raises(UserError, match=says):
            validate(given)
