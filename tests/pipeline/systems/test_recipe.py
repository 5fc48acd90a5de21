"""The recipe of a system: defaults, changes, and errors for wrong ones."""

import pytest

from tag2mask.models.system_factory import SYSTEMS
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.systems.recipe import complete_system_recipe, read_system_recipe

CLASSES = ClassTable(names=("dog", "cat", "car"))


@pytest.mark.parametrize("task", sorted(SYSTEMS))
def test_defaults_can_be_built(task):
    recipe = read_system_recipe(task)
    assert recipe.task == task
    assert isinstance(recipe.system, SYSTEMS[task].settings_type)
    assert recipe.architecture(CLASSES).settings["classes"] == 3


class TestNames:
    def test_sentences_are_made_of_the_classes(self):
        system = read_system_recipe("text_gan").build(CLASSES)
        assert system.condition.sentences.read(["a dog left of a cat"]).shape == (1, 5)

    def test_they_can_be_others(self):
        changes = ['system.names=["hound", "puss", "motor"]', "system.classes=3"]
        settings = read_system_recipe("text_gan", None, changes).architecture(CLASSES).settings
        assert settings["names"] == ["hound", "puss", "motor"]

    def test_a_class_that_is_called_as_a_word_between_is_refused(self):
        with pytest.raises(UserError, match="must differ"):
            read_system_recipe("text_gan").build(ClassTable(names=("dog", "above")))


def test_changes():
    changes = ["training.steps=7", "system.size=32", "where.confidence=0.5"]
    recipe = read_system_recipe("dcgan", None, changes)
    assert (recipe.training.steps, recipe.system.size, recipe.where.confidence) == (7, 32, 0.5)
    assert complete_system_recipe("dcgan", {"training": {"steps": 7}}).training.steps == 7


@pytest.mark.parametrize(
    ("task", "change", "words"),
    [
        ("dcgam", "training.steps=7", ["unknown system 'dcgam'", "dcgan"]),
        ("dcgan", "trainig.steps=7", ["unknown setting 'trainig'", "training"]),
        ("dcgan", "training.step=7", ["unknown setting 'training.step'", "steps"]),
        ("dcgan", "training.steps=0", ["'training.steps'", "greater"]),
        ("dcgan", "system.sise=7", ["unknown setting 'system.sise'", "size"]),
        ("dcgan", "training.workers=99", ["settings of 'training' do not fit", "99 workers"]),
        ("dcgan", "system.size=31", ["settings of 'system' do not fit", "such as 32"]),
        ("dcgan", "system.classes=0", ["'system.classes'"]),
    ],
)
def test_errors_name_the_wrong_setting(task, change, words):
    with pytest.raises(UserError) as error:
        read_system_recipe(task, None, [change])
    for word in words:
        assert word in str(error.value)
