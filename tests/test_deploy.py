"""The files of deploy/, as far as they can be checked without a cloud."""

import json
import shlex
from pathlib import Path

import pytest
import ray
import yaml
from jsonschema import Draft7Validator

from tag2mask.flows.commands import COMMANDS

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
CLUSTER = yaml.safe_load((DEPLOY / "ray-cluster.yaml").read_text())
JOB = yaml.safe_load((DEPLOY / "ray-job.yaml").read_text())
SPEC = JOB["spec"]["rayClusterSpec"]


def pods():
    groups = [SPEC["headGroupSpec"], *SPEC["workerGroupSpecs"]]
    return [group["template"]["spec"]["containers"][0] for group in groups]


def test_the_cluster_fits_rays_schema():
    schema = json.loads((Path(ray.__file__).parent / "autoscaler/ray-schema.json").read_text())
    Draft7Validator(schema).validate(CLUSTER)


def test_the_cluster_is_whole():
    types = CLUSTER["available_node_types"]
    assert CLUSTER["head_node_type"] in types
    workers = [kind for name, kind in types.items() if name != CLUSTER["head_node_type"]]
    assert sum(kind["max_workers"] for kind in workers) <= CLUSTER["max_workers"]
    assert any("GPU" in kind["resources"] for kind in workers)


def test_the_job_has_the_fields_that_kuberay_asks_for():
    assert (JOB["apiVersion"], JOB["kind"]) == ("ray.io/v1", "RayJob")
    known = {
        "entrypoint",
        "runtimeEnvYAML",
        "shutdownAfterJobFinishes",
        "ttlSecondsAfterFinished",
        "backoffLimit",
        "rayClusterSpec",
    }
    assert set(JOB["spec"]) <= known
    assert yaml.safe_load(JOB["spec"]["runtimeEnvYAML"])["env_vars"]["RAY_ADDRESS"] == "auto"
    for group in SPEC["workerGroupSpecs"]:
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    assert all(type(value) is str for value in SPEC["headGroupSpec"]["rayStartParams"].values())


def test_every_node_has_the_same_image_and_the_bucket():
    assert len({pod["image"] for pod in pods()} | {CLUSTER["docker"]["image"]}) == 1
    assert len({json.dumps(pod["envFrom"]) for pod in pods()}) == 1
    for pod in pods():
        assert pod["resources"]["limits"] == pod["resources"]["requests"]


@pytest.mark.parametrize("text", [JOB["spec"]["entrypoint"], (DEPLOY / "Dockerfile").read_text()])
def test_commands_that_are_run_exist(text):
    words = shlex.split(text.replace("'", " ").replace("&&", " "), comments=True)
    called = {words[index + 1] for index, word in enumerate(words) if word == "tag2mask"}
    assert called
    assert called <= {command.__name__ for command in COMMANDS}


def test_the_images_version_of_ray_is_the_pinned_one():
    pinned = [
        line.split("==")[1].split()[0]
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line.startswith("ray==")
    ]
    assert [SPEC["rayVersion"]] == pinned
