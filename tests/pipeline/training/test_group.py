"""Data-parallel steps: two processes make the step that one makes on the whole batch."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import distributed, multiprocessing, nn

from tag2mask.pipeline.training.group import DistributedGroup, SingleProcess
from tag2mask.pipeline.training.losses import Mean

IMAGES = 5
SIZE = 2  # processes, with three and two images


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 1, bias=False)
    )


def batch():
    """Images and which of their pixels count: more or fewer in each."""
    random = torch.Generator().manual_seed(1)
    images = torch.randn(IMAGES, 2, 8, 8, generator=random) + 20
    share = torch.linspace(0.05, 1, IMAGES).view(-1, 1, 1, 1)
    return images, torch.rand(IMAGES, 1, 6, 6, generator=random) < share


def stepped(group):
    """The mean over the batch, the gradients and the statistics of one process."""
    model = network().train()
    images, counted = (whole[group.rank :: group.size] for whole in batch())
    wrapped = group.wrap_model(model)
    errors = wrapped(images).square()[counted]
    objective, value = group.reduce_loss(Mean(errors.mean(), counted.sum()))
    objective.backward()
    found = {name: parameter.grad for name, parameter in model.named_parameters()}
    return {"value": value.double(), **found, **dict(model.named_buffers())}


def share(rank, folder):
    address = f"file://{folder}/meeting"
    distributed.init_process_group("gloo", address, rank=rank, world_size=SIZE)
    found = stepped(DistributedGroup())
    save_file({name: v.contiguous() for name, v in found.items()}, f"{folder}/{rank}.safetensors")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_make_the_step_of_one(tmp_path):
    """With gradients and statistics of the whole batch, though more counts in one share."""
    expected = stepped(SingleProcess())
    multiprocessing.spawn(share, (str(tmp_path),), nprocs=SIZE)
    for rank in range(SIZE):
        found = load_file(tmp_path / f"{rank}.safetensors")
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5, check_dtype=False)


def test_a_single_process_keeps_its_mean():
    value = torch.tensor(3.0, requires_grad=True)
    objective, mean = SingleProcess().reduce_loss(Mean(value, torch.tensor(7)))
    objective.backward()
    assert value.grad == 1
    assert mean == 3
    assert not mean.requires_grad
