"""Batch normalization over several processes; with two of them in test_training_group.py."""

import pytest
import torch
from torch import distributed, nn

from tag2mask.models.backbones.base import FrozenBatchNorm2d
from tag2mask.models.batch_norm import GlobalBatchNorm2d, normalize_globally


def layer():
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    return nn.Sequential(norm)


def random_images():
    """With means far from zero, where the mean of squares is no way to the variance."""
    random = torch.Generator().manual_seed(1)
    shift = torch.tensor([0.0, 10.0, 300.0]).view(1, 3, 1, 1)
    return torch.randn(5, 3, 4, 6, generator=random) + shift


def passed(network):
    """The output, the gradients and the statistics after one step in training mode."""
    images = random_images().requires_grad_()
    output = network(images)
    (output * random_images().flip(0)).sum().backward()
    grads = [images.grad, *(parameter.grad for parameter in network.parameters())]
    return [output.detach(), *grads, *network.buffers()]


@pytest.fixture
def group(tmp_path):
    """This process as a group of one."""
    distributed.init_process_group("gloo", f"file://{tmp_path}/meeting", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("group")
def test_one_process_normalizes_as_without_a_group():
    network = layer()
    normalize_globally(network)
    torch.testing.assert_close(passed(network), passed(layer()), rtol=1e-4, atol=1e-3)


def test_only_layers_with_live_statistics_are_replaced():
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Sequential(FrozenBatchNorm2d(3), nn.ReLU()))
    before = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    normalize_globally(network)
    assert type(network[0]) is GlobalBatchNorm2d
    assert type(network[1][0]) is FrozenBatchNorm2d
    after = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    assert after.keys() == before.keys()
    assert all(value is before[name] for name, value in after.items())


def test_evaluation_needs_no_other_process():
    network, images = layer().eval(), random_images()
    expected = network(images)
    normalize_globally(network)
    torch.testing.assert_close(network(images), expected, rtol=0, atol=0)
