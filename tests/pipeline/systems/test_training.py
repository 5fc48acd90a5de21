"""The training of a system: optimizer steps, averages, resumption; alone and shared."""

import json

import pytest
import ray
import torch

from tag2mask.pipeline.engine.ray import RayEngine
from tag2mask.pipeline.systems.batches import Batches
from tag2mask.pipeline.systems.training import SystemTraining, SystemTrainingSettings
from tag2mask.pipeline.systems.training_log import LOSSES, SHEET, TrainingLog
from tag2mask.pipeline.training.checkpoint import Checkpoints
from tests.pipeline.systems.toy_system import ToyPairs, ToySettings, ToySystem

STEPS, STOP = 8, 3


class KilledError(Exception):
    """Stands for the death of the process."""


class DyingCheckpoints(Checkpoints):
    """The process dies as soon as the state after ``STOP`` steps is kept."""

    def save(self, model, optimizer, step, losses):
        super().save(model, optimizer, step, losses)
        if step == STOP:
            raise KilledError


def training(folder, checkpoints=Checkpoints, **changes):
    values = {"steps": STEPS, "batch": 4, "average": 0.5, "checkpoint_seconds": 1e-9}
    settings = SystemTrainingSettings(**{**values, **changes})
    torch.manual_seed(0)
    return SystemTraining(
        ToySystem(ToySettings()),
        Batches(ToyPairs(), "image", 16, settings.batch, settings.seed),
        settings,
        checkpoints(f"{folder}/state"),
        TrainingLog(f"{folder}/model"),
    )


def silent(step, losses):
    """Ignore the report."""


def assert_same(ours, theirs, **tolerance):
    expected = theirs.system.state_dict()
    for name, value in ours.system.state_dict().items():
        torch.testing.assert_close(value, expected[name], msg=name, **tolerance)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    work = training(tmp_path_factory.mktemp("undisturbed"))
    return work, work.train(silent)


class TestOptimizerSteps:
    def test_each_moves_its_own_networks(self, tmp_path):
        before = training(tmp_path).system.state_dict()
        early = training(tmp_path / "early", steps=2 * STEPS)
        early.train(lambda step, losses: None)
        names = {
            name
            for name, value in early.system.state_dict().items()
            if not torch.equal(value, before[name])
        }
        assert {name.split(".")[0] for name in names} == {"generator", "discriminator", "late"}

    def test_the_span(self, tmp_path):
        work = training(tmp_path, DyingCheckpoints)
        before = work.system.late.weight.clone()
        with pytest.raises(KilledError):
            work.train(silent)
        assert torch.equal(work.system.late.weight, before), "its span begins at step 4"

    def test_losses_by_step_and_term(self, undisturbed):
        assert undisturbed[1].keys() == {
            "discriminator.real",
            "discriminator.fake",
            "generator.fooled",
            "late.copy",
            "seconds",
        }


def test_a_killed_training_goes_on_as_if_nothing_had_been(undisturbed, tmp_path):
    with pytest.raises(KilledError):
        training(tmp_path, DyingCheckpoints).train(silent)
    work = training(tmp_path)
    with torch.no_grad():
        for parameter in work.system.parameters():
            parameter.zero_()
    outcome = work.train(silent)
    assert_same(work, undisturbed[0], rtol=0, atol=0)
    expected = undisturbed[1]
    assert {k: v for k, v in outcome.items() if k != "seconds"} == {
        k: v for k, v in expected.items() if k != "seconds"
    }


def test_load_checkpoint_gives_the_trained_weights(undisturbed, tmp_path):
    work = training(tmp_path)
    work.train(silent)
    again = training(tmp_path)
    step, _ = again.load_checkpoint()
    assert step == STEPS
    assert_same(again, undisturbed[0], rtol=0, atol=0)
    assert not again.system.training


def test_the_average_is_used(tmp_path):
    plain = training(tmp_path / "plain", average=0.0)
    averaged = training(tmp_path / "averaged", average=0.9)
    plain.train(silent)
    averaged.train(silent)
    ours, theirs = averaged.system, plain.system
    assert not torch.equal(ours.generator[0].weight, theirs.generator[0].weight)
    assert torch.equal(ours.discriminator[0].weight, theirs.discriminator[0].weight)


def test_the_training_log(undisturbed, tmp_path):
    work = training(tmp_path, sheet_seconds=1e-9)
    work.train(silent)
    files = {file.name for file in (tmp_path / "model").iterdir()}
    assert files == {LOSSES, SHEET}
    entries = json.loads((tmp_path / "model" / LOSSES).read_text())
    assert [entry["step"] for entry in entries] == list(range(1, STEPS + 1))
    assert "generator.fooled" in entries[0]
    # To look at samples changes nothing in the training.
    assert_same(work, undisturbed[0], rtol=0, atol=0)


@pytest.mark.slow
class TestOnRay:
    @pytest.fixture(scope="class")
    @staticmethod
    def engine():
        yield RayEngine(workers=2)
        ray.shutdown()

    def test_one_worker_gives_the_weights_of_this_process(self, engine, undisturbed, tmp_path):
        work = training(tmp_path)
        outcome = engine.train(work, silent)
        assert_same(work, undisturbed[0], rtol=0, atol=0)
        assert outcome["late.copy"] == undisturbed[1]["late.copy"]

    def test_two_workers_share_a_step(self, engine, tmp_path):
        """Noise differs by worker, so the optimizer step without noise, "late", is compared."""
        alone, shared = training(tmp_path / "alone"), training(tmp_path / "shared", workers=2)
        alone.train(silent)
        engine.train(shared, silent)
        torch.testing.assert_close(shared.system.late.weight, alone.system.late.weight)
        torch.testing.assert_close(shared.system.late.bias, alone.system.late.bias)
