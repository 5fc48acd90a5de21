"""The choice of an engine, and what it says."""

import pytest

from tag2mask.pipeline.engine import build_engine, check_engine, choice
from tag2mask.pipeline.engine.choice import IMAGES_FOR_RAY, choose_engine
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError


@pytest.fixture
def machine(monkeypatch):
    """A machine with Ray and so many GPUs."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def of(gpus):
        monkeypatch.setattr(choice, "_count_gpus", lambda: gpus)

    of(0)
    return of


@pytest.mark.parametrize(
    ("gpus", "images", "name", "why"),
    [
        (0, 37, "local", "no GPU, and 37 images are not worth the start of Ray"),
        (1, 37, "local", "one GPU, and 37 images"),
        (1, None, "local", "RAY_ADDRESS is not set, this machine has one GPU"),
        (2, 37, "ray", "this machine has 2 GPUs"),
        (0, IMAGES_FOR_RAY, "ray", "100,000 images are worth its start"),
        (0, IMAGES_FOR_RAY - 1, "local", "99,999 images are not worth"),
    ],
)
def test_the_machine_and_the_work_decide(machine, gpus, images, name, why):
    machine(gpus)
    found, reason = choose_engine(images)
    assert found == name
    assert why in reason


def test_a_cluster_is_used(machine, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert choose_engine(1) == ("ray", "RAY_ADDRESS names the cluster head:6379")


def test_a_training_of_several_processes_needs_ray(machine):
    assert choose_engine(37, processes=2) == ("ray", "a training of 2 processes needs it")


def test_without_ray_the_local_engine_is_used(machine, monkeypatch):
    machine(8)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert choose_engine(IMAGES_FOR_RAY) == ("local", "Ray is not installed")


def test_one_line_says_which_and_why(machine, caplog):
    with caplog.at_level("INFO", logger="tag2mask"):
        assert isinstance(build_engine("auto", 2, 37), LocalEngine)
    (record,) = caplog.records
    assert record.getMessage().startswith("engine local: RAY_ADDRESS is not set")


def test_a_named_engine_says_nothing(caplog):
    with caplog.at_level("INFO", logger="tag2mask"):
        assert isinstance(build_engine("local", 2), LocalEngine)
    assert not caplog.records


def test_wrong_names_and_workers():
    check_engine("auto", 1)
    with pytest.raises(UserError, match="choose one of auto, local, ray"):
        check_engine("spark", 1)
    with pytest.raises(UserError, match="at least one worker"):
        check_engine("auto", 0)
