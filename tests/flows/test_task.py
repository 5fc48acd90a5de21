"""The options that all tasks share: a task run has the name of its round."""

import pytest
from prefect import flow
from prefect.runtime import task_run

from tag2mask.flows.label import relabel, train_segmenter
from tag2mask.flows.task import named_step, step, worth_repeating
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.rounds import Round, labeling_rounds


@pytest.mark.slow
def test_a_task_run_has_the_name_of_its_round(prefect_server):
    del prefect_server

    @named_step(relabel.task_run_name)
    def name_of_relabeling(each: Round) -> str:
        return task_run.name

    @named_step(train_segmenter.task_run_name)
    def name_of_training(each: Round) -> str:
        return task_run.name

    @flow
    def names() -> list[tuple[str, str]]:
        rounds = labeling_rounds(Recipe())
        return [(name_of_training(each), name_of_relabeling(each)) for each in rounds]

    assert names() == [
        ("train initial", "relabel initial"),
        ("train enhanced", "relabel enhanced"),
        ("train powerful", "relabel powerful"),
    ]


def test_a_named_step_has_the_options_of_every_step():
    @step
    def plain() -> None:
        """Does nothing."""

    for task in (relabel, train_segmenter, plain):
        assert task.retries == 2
        assert task.tags == {"tag2mask"}
        assert task.persist_result is False
        assert task.retry_condition_fn is worth_repeating


def test_bad_input_is_not_tried_again():
    class State:
        data = UserError("no such folder")

    assert not worth_repeating(None, None, State)
    State.data = OSError("connection lost")
    assert worth_repeating(None, None, State)
