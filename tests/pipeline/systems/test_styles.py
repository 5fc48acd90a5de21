"""Styles and memories in training: their parts from the data are stored and resumed."""

import pytest
import torch

from tag2mask.models.transformation import TRANSFORMERS
from tag2mask.pipeline.systems.batches import Batches
from tag2mask.pipeline.systems.training import SystemTraining, SystemTrainingSettings
from tag2mask.pipeline.systems.training_log import SHEET, TrainingLog
from tag2mask.pipeline.training.checkpoint import Checkpoints
from tests.pipeline.systems.toy_system import ToyPairs

SMALL = {
    "fast_style": {"width": 4, "blocks": 1},
    "feature_interpolation": {"memory": 6, "neighbors": 2, "steps": 2},
    "unseen_style": {"width": 4, "blocks": 1, "code": 4, "style_width": 4},
}


def training(name, folder):
    torch.manual_seed(0)
    member = TRANSFORMERS[name]
    system = member(member.settings_type(size=16, classes=3, backbone="tiny", **SMALL[name]))
    return SystemTraining(
        system,
        Batches(ToyPairs(), system.view, 16, 4, 0),
        SystemTrainingSettings(steps=3, batch=4),
        Checkpoints(f"{folder}/state"),
        TrainingLog(f"{folder}/model"),
    )


@pytest.mark.parametrize("name", SMALL)
def test_trained_and_recalled(name, tmp_path):
    first = training(name, tmp_path)
    first.train(lambda step, losses: None)
    assert (tmp_path / "model" / SHEET).exists()
    again = training(name, tmp_path)
    assert again.load_checkpoint()[0] == 3
    expected = first.system.state_dict()
    for key, value in again.system.state_dict().items():
        torch.testing.assert_close(value, expected[key], msg=key)
    if name == "feature_interpolation":
        assert again.system.seen == 12
        assert again.system.images.any()
    if name == "fast_style":
        assert again.system.has_style
        assert again.system.style.any()
