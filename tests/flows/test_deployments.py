"""prefect.yaml and the form of parameters that Prefect's UI shows."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from prefect import Flow
from prefect.cli.deploy._models import PrefectYamlModel
from prefect.client.schemas.schedules import CronSchedule
from prefect.states import Failed
from prefect.utilities.callables import parameter_schema
from prefect.utilities.importtools import import_object

from tag2mask.flows.generate import generate
from tag2mask.flows.label import label
from tag2mask.flows.task import step, worth_repeating
from tag2mask.flows.train import train
from tag2mask.flows.transform import transform
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import Recipe

FILE = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text())
DEPLOYMENTS = {deployment["name"]: deployment for deployment in FILE["deployments"]}


@pytest.fixture(scope="module")
def form():
    return parameter_schema(label).model_dump()


def test_prefect_understands_the_file():
    model = PrefectYamlModel.model_validate(FILE)
    assert [deployment.name for deployment in model.deployments] == list(DEPLOYMENTS)
    assert model.deployments[0].concurrency_limit.limit == 1


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_is_one_of_a_flow_with_parameters_of_its_form(name):
    deployment = DEPLOYMENTS[name]
    flow = import_object(deployment["entrypoint"])
    assert isinstance(flow, Flow)
    form = parameter_schema(flow).model_dump()
    Draft202012Validator({**form, "additionalProperties": False}).validate(deployment["parameters"])
    for schedule in deployment.get("schedules", []):
        CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])


@pytest.mark.parametrize("flow", [label, train, generate, transform])
def test_every_parameter_says_what_it_is(flow):
    form = parameter_schema(flow).model_dump()
    assert all(entry.get("description") for entry in form["properties"].values())
    assert "out" in form["required"]


def test_the_recipe_is_a_form_of_its_own(form):
    assert form["properties"]["recipe"]["$ref"] == "#/definitions/Recipe"
    assert form["properties"]["recipe"]["default"] == Recipe().model_dump(mode="json")
    for name, definition in form["definitions"].items():
        for field, entry in definition["properties"].items():
            nested = "$ref" in entry or "allOf" in entry
            assert nested or entry.get("description"), f"{name}.{field}"


@pytest.mark.parametrize("cause", [OSError("no answer"), RuntimeError("a node was lost")])
def test_what_may_pass_is_tried_again(cause):
    assert worth_repeating(None, None, Failed(data=cause))


def test_bad_input_is_not_tried_again():
    assert not worth_repeating(None, None, Failed(data=UserError("no image has a tag")))


def test_steps_wait_longer_each_time():
    @step
    def example() -> None:
        """Does nothing."""

    delays = example.retry_delay_seconds
    assert example.retries == len(delays) == 2
    assert 0 < delays[0] < delays[1]
    assert example.retry_condition_fn is worth_repeating
