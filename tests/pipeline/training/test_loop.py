"""Training: it learns, and an interrupted one makes the steps that it would have made."""

import pytest
import torch

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.segmentation import DeepLabLargeFov
from tag2mask.models.tagging import Tagger
from tag2mask.pipeline.training.checkpoint import Checkpoints
from tag2mask.pipeline.training.losses import hard_loss, on_grid, tags_loss
from tag2mask.pipeline.training.samples import Samples
from tag2mask.pipeline.training.supervised import SupervisedTraining, TrainingSettings
from tag2mask.pipeline.training.targets import ConfidentMaskTarget, TagTarget
from tests.pipeline.toys import CLASSES, toy_scan

STEPS, STOP = 12, 5


class KilledError(Exception):
    """Stands for the death of the process."""


class DyingCheckpoints(Checkpoints):
    """The process dies as soon as the state after ``STOP`` steps is kept."""

    def save(self, model, optimizer, step, losses):
        super().save(model, optimizer, step, losses)
        if step == STOP:
            raise KilledError


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    return toy_scan(tmp_path_factory.mktemp("training"), 10)


def settings(**changes):
    values = {
        "steps": STEPS,
        "batch": 4,
        "crop": 32,
        "learning_rate": 3e-3,
        "head_lr_multiplier": 1.0,
        "warmup": 2,
        "checkpoint_seconds": 3600.0,
    }
    return TrainingSettings(**{**values, **changes})


def samples(scan, target, settings):
    return Samples(scan, target, settings.batch, settings.crop, settings.scale, seed=1)


def segmenter(seed):
    torch.manual_seed(seed)
    backbone = BACKBONES["tiny"](pretrained=False)
    return DeepLabLargeFov(backbone, len(CLASSES) + 1, width=16, dropout=0.5)


def train_segmenter(scan, model, checkpoints, **changes):
    plan = settings(**changes)
    stream = samples(scan, ConfidentMaskTarget("toy", (0.0, 0.8)), plan)
    training = SupervisedTraining(model, model.backbone, hard_loss, stream, plan, checkpoints)
    return training.train(lambda step, losses: None)


def test_a_tagger_learns_a_toy(scan, tmp_path):
    torch.manual_seed(0)
    model = Tagger(BACKBONES["tiny"](pretrained=False), len(CLASSES), "average")
    plan = settings(steps=30, batch=8)
    told = []
    stream = samples(scan, TagTarget(len(CLASSES)), plan)
    state = Checkpoints(f"{tmp_path}/state")
    training = SupervisedTraining(model, model.backbone, tags_loss, stream, plan, state)
    outcome = training.train(lambda step, losses: told.append((step, losses)))
    assert outcome["loss"] < 0.55, "chance is 0.69"
    assert told[-1] == (30, {"loss": outcome["loss"]})
    assert not model.training


def test_an_interrupted_training_ends_with_the_same_bits(scan, tmp_path):
    undisturbed = segmenter(seed=0)
    straight = train_segmenter(scan, undisturbed, Checkpoints(f"{tmp_path}/straight"))

    state = f"{tmp_path}/state"
    with pytest.raises(KilledError):
        train_segmenter(scan, segmenter(seed=0), DyingCheckpoints(state), checkpoint_seconds=1e-9)
    # Another initialization and another place in torch's random stream: all must come from
    # the checkpoint.
    continued = segmenter(seed=99)
    outcome = train_segmenter(scan, continued, Checkpoints(state))

    expected = undisturbed.state_dict()
    assert expected.keys() == continued.state_dict().keys()
    for name, value in continued.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert outcome["loss"] == straight["loss"]


def test_training_follows_from_its_seed_alone(scan, tmp_path):
    """Whatever else drew random numbers in this process before."""
    models = [segmenter(seed=0), segmenter(seed=0)]
    for number, model in enumerate(models):
        torch.rand(number * 7)
        train_segmenter(scan, model, Checkpoints(f"{tmp_path}/{number}"), steps=3)
    for one, other in zip(*(model.state_dict().values() for model in models), strict=True):
        assert torch.equal(one, other)


def test_the_last_state_is_kept(scan, tmp_path):
    """A long examination after the training, or another process, starts from it."""
    model = segmenter(seed=0)
    state = Checkpoints(f"{tmp_path}/state")
    train_segmenter(scan, model, state, steps=3)
    again = segmenter(seed=1)
    assert state.steps() == 3
    train_segmenter(scan, again, state, steps=3)
    for name, value in again.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name


def test_dropout_differs_from_step_to_step(scan, tmp_path):
    """A generator set to the same state at each step would always drop the same channels."""
    drawn = []
    model = segmenter(seed=0)
    model.dropout.register_forward_hook(
        lambda module, inputs, output: drawn.append((output == 0).all(dim=(2, 3)).clone())
    )
    train_segmenter(scan, model, Checkpoints(f"{tmp_path}/state"), steps=3)
    first, second = drawn[1], drawn[3]
    assert not torch.equal(first, second)


def test_frozen_layers_and_their_state_stay(scan, tmp_path):
    model = segmenter(seed=0)
    model.backbone.freeze_below("conv4_1")
    before = {name: value.clone() for name, value in model.named_parameters()}
    state = f"{tmp_path}/state"
    with pytest.raises(KilledError):
        train_segmenter(scan, model, DyingCheckpoints(state), checkpoint_seconds=1e-9)
    changed = {
        name for name, value in model.named_parameters() if not torch.equal(value, before[name])
    }
    frozen = {name for name, value in before.items() if not _trained(model, name)}
    assert frozen
    assert not changed & frozen
    assert changed

    again = segmenter(seed=1)
    again.backbone.freeze_below("conv4_1")
    train_segmenter(scan, again, Checkpoints(state))
    for name in frozen:
        assert torch.equal(again.get_parameter(name), before[name])


def _trained(model, name):
    return model.get_parameter(name).requires_grad


def test_a_finished_schedule_is_not_trained_again(scan, tmp_path):
    """Killed after the last step and before the model was stored."""
    state = f"{tmp_path}/state"
    with pytest.raises(KilledError):
        train_segmenter(scan, segmenter(seed=0), DyingCheckpoints(state), checkpoint_seconds=1e-9)
    model = segmenter(seed=1)
    optimizer = torch.optim.AdamW(model.parameters())
    Checkpoints(state).restore(model, optimizer)
    kept = {name: value.clone() for name, value in model.state_dict().items()}
    train_segmenter(scan, model, Checkpoints(state), steps=STOP)
    for name, value in model.state_dict().items():
        assert torch.equal(value, kept[name])


@pytest.mark.parametrize(
    ("samples", "steps"),
    [(10, 240), (640, 240), (1000, 375), (1001, 376), (100_000, 640)],
    ids=["least", "just least", "three passes", "rounded up", "all"],
)
def test_steps_are_cut_to_max_epochs(samples, steps):
    settings = TrainingSettings(steps=640, batch=8, max_epochs=3, min_steps=240)
    assert settings.fitted(samples).steps == steps


def test_steps_without_max_epochs_or_below_min_steps_are_kept():
    assert TrainingSettings(steps=640, batch=8).fitted(10).steps == 640
    assert TrainingSettings(steps=30, batch=8, max_epochs=3).fitted(10).steps == 30


@pytest.mark.parametrize("name", ["scale", "crop", "learning_rate", "workers"])
def test_settings_out_of_range_are_refused(name):
    wrong = {"scale": (1.6, 0.8), "crop": 33, "learning_rate": float("inf"), "workers": 5}
    with pytest.raises(ValueError, match=name):
        settings(**{name: wrong[name]})


def test_logits_are_brought_to_the_grid_of_the_targets():
    logits = torch.rand(2, 4, 5, 5, dtype=torch.bfloat16)
    resized = on_grid(logits, torch.zeros(2, 8, 8, dtype=torch.int64))
    assert resized.shape == (2, 4, 8, 8)
    assert resized.dtype == torch.float32
