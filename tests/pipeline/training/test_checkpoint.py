"""Checkpoints: a stored state is restored bit by bit."""

import logging

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from tag2mask.pipeline.training.checkpoint import FILE, Checkpoints


def network(seed):
    torch.manual_seed(seed)
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
    return layers.to(memory_format=torch.channels_last)


def optimizer_of(model):
    return torch.optim.AdamW(model.parameters(), lr=0.01)


def step(model, optimizer):
    optimizer.zero_grad()
    model(torch.linspace(0, 1, 2 * 3 * 8 * 8).view(2, 3, 8, 8)).square().sum().backward()
    optimizer.step()


def test_round_trip(tmp_path):
    model = network(0)
    optimizer = optimizer_of(model)
    step(model, optimizer)
    checkpoints = Checkpoints(f"{tmp_path}/state")
    checkpoints.save(model, optimizer, 7, {"loss": 0.123456789012345})

    other = network(1)
    other_optimizer = optimizer_of(other)
    assert Checkpoints(f"{tmp_path}/state").restore(other, other_optimizer) == (
        7,
        {"loss": 0.123456789012345},
    )
    for name, value in other.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name
    for index, state in optimizer.state_dict()["state"].items():
        restored = other_optimizer.state_dict()["state"][index]
        assert state.keys() == restored.keys()
        for slot, value in state.items():
            assert torch.equal(value, restored[slot]), (index, slot)
    step(model, optimizer)
    step(other, other_optimizer)
    for name, value in other.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), f"{name} after another step"


def test_nothing_kept_is_the_start(tmp_path):
    model = network(0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert Checkpoints(f"{tmp_path}/none").restore(model, optimizer_of(model)) == (0, {})
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_last_state_counts_and_clear_removes_it(tmp_path):
    model = network(0)
    optimizer = optimizer_of(model)
    checkpoints = Checkpoints(f"{tmp_path}/state")
    for number in (3, 6):
        step(model, optimizer)
        checkpoints.save(model, optimizer, number, {"loss": 0.5})
    assert [path.name for path in (tmp_path / "state").iterdir()] == [FILE]
    assert checkpoints.restore(model, optimizer)[0] == 6
    checkpoints.clear()
    assert not (tmp_path / "state").exists()
    checkpoints.clear()


def test_a_damaged_state_is_the_start(tmp_path):
    """It is written in one step, but disks fail: losing minutes beats losing the run."""
    (tmp_path / FILE).write_bytes(b"no safetensors")
    model = network(0)
    assert Checkpoints(str(tmp_path)).restore(model, optimizer_of(model)) == (0, {})


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state | {"model.trunk.weight": state.pop("model.0.weight")},
        lambda state: state | {"model.0.weight": torch.zeros(5, 3, 3, 3)},
        lambda state: state | {"optimizer.0.exp_avg": torch.zeros(5, 3, 3, 3)},
        lambda state: state | {"optimizer.9.exp_avg": torch.zeros(4)},
    ],
    ids=["name", "shape", "optimizer's shape", "optimizer's parameter"],
)
def test_the_state_of_other_layers_is_the_start(tmp_path, caplog, change):
    caplog.set_level(logging.INFO, "tag2mask")
    model = network(0)
    optimizer = optimizer_of(model)
    step(model, optimizer)
    checkpoints = Checkpoints(f"{tmp_path}/state")
    checkpoints.save(model, optimizer, 7, {"loss": 0.5})
    file = tmp_path / "state" / FILE
    save_file(change(load_file(file)), file)

    other = network(1)
    other_optimizer = optimizer_of(other)
    assert checkpoints.restore(other, other_optimizer) == (0, {})
    for name, value in network(1).state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name
    assert not other_optimizer.state_dict()["state"]
    (record,) = caplog.records
    assert record.getMessage().endswith("holds the state of other layers: training starts again")


def test_it_works_on_an_object_store():
    model = network(0)
    optimizer = optimizer_of(model)
    step(model, optimizer)
    checkpoints = Checkpoints("memory://checkpoints/state")
    assert checkpoints.restore(model, optimizer) == (0, {})
    checkpoints.save(model, optimizer, 2, {"loss": 0.25})
    assert checkpoints.restore(model, optimizer) == (2, {"loss": 0.25})
    checkpoints.clear()
    assert checkpoints.restore(model, optimizer) == (0, {})
