"""What a system is asked with: what is missing and what would be ignored are both told."""

from typing import Any

import pytest

from tag2mask.models.system_factory import SYSTEMS
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.systems.recipe import read_system_recipe
from tag2mask.pipeline.systems.validate_inputs import check_generation, check_transformation

GENERATION: dict[str, Any] = {"tags": [], "like": None, "sentence": None}
TRANSFORMATION: dict[str, Any] = {"is_dataset": False, "masks": None, "style": None, "tags": []}


@pytest.mark.parametrize(
    ("task", "given", "says"),
    [
        ("dcgan", {}, None),
        ("dcgan", {"tags": ["cat"]}, "M is told no classes: leave --tags out"),
        ("dcgan", {"like": "D"}, "M makes images of noise alone: leave --like out"),
        ("dcgan", {"sentence": "a cat"}, "reads no sentences: leave --sentence out"),
        ("cgan", {}, None),
        ("cgan", {"tags": ["cat"], "like": "D"}, None),
        ("mask_gan", {"like": "D"}, None),
        ("mask_gan", {}, "M needs the mask of a dataset: name one by --like"),
        ("mask_gan", {"like": "D", "tags": ["cat"]}, "M is told no classes: leave --tags out"),
    ],
)
def test_generation(task, given, says):
    told(check_generation, SYSTEMS[task], {**GENERATION, **given}, says)


@pytest.mark.parametrize(
    ("task", "given", "says"),
    [
        ("colorization", {}, None),
        ("colorization", {"is_dataset": True}, None),
        ("colorization", {"masks": "F"}, "M looks at no masks: leave --masks out"),
        ("colorization", {"tags": ["cat"]}, "M is told no classes: leave --tags out"),
        ("colorization", {"style": "a.png"}, "no other image: leave --style out"),
        ("gatys", {"style": "a.png"}, None),
        ("gatys", {}, "M needs an image whose style it takes: name one by --style"),
        ("mask_to_photo", {}, None),
        ("mask_to_photo", {"masks": "F"}, "of masks alone: name their folder as the images"),
        ("inpainting", {"masks": "F"}, None),
        ("inpainting", {"is_dataset": True}, None),
        ("inpainting", {}, "M needs a mask of every image: name their folder by --masks"),
        ("inpainting", {"is_dataset": True, "masks": "F"}, "a dataset has masks of its own"),
        ("masked_fast_style", {"masks": "F", "tags": ["cat"]}, None),
        ("masked_fast_style", {"masks": "F"}, "which classes are meant: name them by --tags"),
        ("flow_simple", {}, None),
        ("flow_simple", {"is_dataset": True}, "needs frames, which follow each other"),
    ],
)
def test_transformation(task, given, says):
    told(check_transformation, SYSTEMS[task], {**TRANSFORMATION, **given}, says)


def test_a_sentence_says_all():
    system = read_system_recipe("text_gan").build(ClassTable(names=("dog", "cat")))
    told(check_generation, system, {**GENERATION, "sentence": "a cat left of a dog"}, None)
    given = {**GENERATION, "sentence": "a cat left of a dog", "tags": ["cat"]}
    told(check_generation, system, given, "leave --tags and --like out")


def told(check, system, given, says):
    if says is None:
        check(system, "M", **given)
    else:
        with pytest.raises(UserError, match=says):
            check(system, "M", **given)
