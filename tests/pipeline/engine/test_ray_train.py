"""Training by Ray Train: with several workers, and with workers that die."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import MagicMock

import pytest

pytest.importorskip("ray")

import ray
import torch

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.segmentation import DeepLabLargeFov
from tag2mask.pipeline.engine import ray_train as training_ray
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.engine.ray import RayEngine
from tag2mask.pipeline.engine.ray_train import worker_resources
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.training.checkpoint import FILE, Checkpoints
from tag2mask.pipeline.training.losses import hard_loss
from tag2mask.pipeline.training.samples import Samples
from tag2mask.pipeline.training.supervised import SupervisedTraining, TrainingSettings
from tag2mask.pipeline.training.targets import ConfidentMaskTarget
from tests.pipeline.toys import CLASSES, toy_scan

pytestmark = pytest.mark.timeout(600)

STEPS, STOP = 8, 3
TARGET = ConfidentMaskTarget("toy", (0.0, 0.8))


class History(Checkpoints):
    """Keeps the loss of every step in a file beside the state."""

    def save(self, model, optimizer, step, losses):
        super().save(model, optimizer, step, losses)
        with Path(self.uri, "history.txt").open("a") as file:
            file.write(f"{step} {losses['loss']!r}\n")

    def losses(self):
        lines = Path(self.uri, "history.txt").read_text().splitlines()
        return [(int(step), float(loss)) for step, loss in map(str.split, lines)]


class Deadly(History):
    """The process dies of the state after ``STOP`` steps, the first time that it is kept."""

    def save(self, model, optimizer, step, losses):
        super().save(model, optimizer, step, losses)
        if step == STOP and sum(kept == STOP for kept, _ in self.losses()) == 1:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class DeadlyTarget:
    """The mask; making it kills the second worker, once, when the others are under way."""

    state: str

    def __call__(self, row, view, rng):
        flag = Path(self.state, "killed")
        if os.environ.get("RANK") == "1" and not flag.exists() and Path(self.state, FILE).exists():
            flag.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return TARGET(row, view, rng)


@dataclass(frozen=True)
class Torn:
    """A target that cannot be made."""

    def __call__(self, row, view, rng):
        raise UserError("the mask is torn: fix it")


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    return toy_scan(tmp_path_factory.mktemp("training"), 10)


@pytest.fixture(scope="module")
def engine():
    yield RayEngine(workers=2)
    ray.shutdown()


def training(scan, checkpoints, *, dropout=0.5, target=TARGET, **changes):
    values = {"steps": STEPS, "batch": 5, "crop": 32, "learning_rate": 3e-3, "warmup": 2}
    plan = TrainingSettings(**{**values, "checkpoint_seconds": 1e-9, **changes})
    samples = Samples(scan, target, plan.batch, plan.crop, plan.scale, seed=1)
    torch.manual_seed(0)
    backbone = BACKBONES["tiny"](pretrained=False)
    model = DeepLabLargeFov(backbone, len(CLASSES) + 1, width=16, dropout=dropout)
    return SupervisedTraining(model, backbone, hard_loss, samples, plan, checkpoints)


def silent(step, loss):
    """Ignore the report."""


def assert_same_weights(ours, theirs, **tolerance):
    expected = theirs.model.state_dict()
    for name, value in ours.model.state_dict().items():
        torch.testing.assert_close(value, expected[name], **tolerance)


def curve(work):
    """The loss of each step, from the smoothed ones that were kept."""
    smoothed = torch.tensor([loss for _, loss in work.checkpoints.losses()], dtype=torch.float64)
    return torch.cat([smoothed[:1], (smoothed[1:] - 0.97 * smoothed[:-1]) / 0.03])


@pytest.fixture(scope="module")
def undisturbed(scan, tmp_path_factory):
    """Trained by the local engine, with dropout."""
    work = training(scan, History(f"{tmp_path_factory.mktemp('undisturbed')}/state"))
    return work, LocalEngine(1).train(work, silent)


@pytest.mark.slow
def test_one_worker_gives_the_weights_of_the_local_engine(scan, engine, undisturbed, tmp_path):
    told = []
    work = training(scan, Checkpoints(f"{tmp_path}/state"))
    outcome = engine.train(work, lambda step, losses: told.append((step, losses)))
    assert_same_weights(work, undisturbed[0], rtol=0, atol=0)
    assert outcome["loss"] == undisturbed[1]["loss"]
    assert [step for step, _ in told].count(STEPS) == 1
    assert told[-1] == (STEPS, {"loss": outcome["loss"]})
    assert not work.model.training
    work.checkpoints.clear()
    assert list(tmp_path.iterdir()) == [], "Ray's own files are cleared with the checkpoint"


@pytest.mark.slow
def test_a_killed_worker_is_replaced(scan, engine, undisturbed, tmp_path):
    work = training(scan, Deadly(f"{tmp_path}/state"))
    outcome = engine.train(work, silent)
    steps = [step for step, _ in work.checkpoints.losses()]
    assert steps == list(range(1, STEPS + 1)), "it went on from the checkpoint"
    assert_same_weights(work, undisturbed[0], rtol=0, atol=0)
    assert outcome["loss"] == undisturbed[1]["loss"]


@pytest.mark.slow
def test_an_error_ends_the_training_at_once(scan, engine, tmp_path):
    """And leaves the cluster to the next."""
    work = training(scan, Checkpoints(f"{tmp_path}/state"), target=Torn())
    with pytest.raises(UserError, match="the mask is torn: fix it"):
        engine.train(work, silent)


@pytest.mark.slow
def test_two_workers_make_the_steps_of_one(scan, engine, tmp_path):
    """With shares of three and two crops, in which more or fewer pixels count.

    Dropout aside, which draws for each worker apart, the number of workers changes but the
    order of sums. The death of a worker changes nothing at all.
    """
    alone = training(scan, History(f"{tmp_path}/alone"), dropout=0.0)
    LocalEngine(1).train(alone, silent)
    both = training(scan, History(f"{tmp_path}/both"), dropout=0.0, workers=2)
    engine.train(both, silent)
    # The weights themselves differ: AdamW's steps are as large where gradients are mere noise.
    torch.testing.assert_close(curve(both), curve(alone), rtol=0.01, atol=0)

    state = f"{tmp_path}/killed"
    killed = training(scan, History(state), dropout=0.0, workers=2, target=DeadlyTarget(state))
    engine.train(killed, silent)
    assert Path(state, "killed").exists()
    assert_same_weights(killed, both, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("cluster", "workers", "expected"),
    [
        ({"CPU": 8.0}, 2, {"CPU": 1}),
        ({"CPU": 2.0}, 3, {"CPU": 0.5}),
        ({"CPU": 8.0, "GPU": 2.0}, 2, {"CPU": 1, "GPU": 1}),
    ],
)
def test_workers_are_where_the_gpus_are(monkeypatch, cluster, workers, expected):
    monkeypatch.setattr(ray, "cluster_resources", lambda: cluster)
    assert worker_resources(workers) == expected


def test_more_workers_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 8.0, "GPU": 2.0})
    with pytest.raises(UserError, match="set the training's workers to 2"):
        worker_resources(3)


def test_weights_that_are_on_another_node_are_missed(monkeypatch, scan, tmp_path):
    """As with a path that is local to each node."""
    monkeypatch.setattr(training_ray, "ray", MagicMock())
    monkeypatch.setattr(training_ray, "worker_resources", lambda workers: {"CPU": 1})
    monkeypatch.setattr(training_ray, "_wait", lambda *arguments: None)
    work = training(scan, Checkpoints(f"{tmp_path}/state"))
    with pytest.raises(UserError, match="same on every node"):
        training_ray.train_on_ray(work, silent)


def test_this_process_alone_trains_with_one_worker(scan, tmp_path):
    work = training(scan, Checkpoints(f"{tmp_path}/state"), workers=2)
    with pytest.raises(UserError, match="engine 'ray'"):
        LocalEngine(1).train(work, silent)
