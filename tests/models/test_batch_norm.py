"""Batch normalisation over several processes is that over the whole batch."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import distributed, multiprocessing, nn

from models.batch_norm import GlobalBatchNorm2d, normalise_globally
from models.trunks.base import FrozenBatchNorm2d

SHARES = (5, 2)  # pictures that each of two processes sees


def layer():
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    return nn.Sequential(norm)


def passed(network, images, probe):
    """The output, the gradients and the statistics after one step in training mode."""
    images = images.clone().requires_grad_()
    output = network(images)
    (output * probe).sum().backward()
    grads = [images.grad, *(parameter.grad for parameter in network.parameters())]
    return [output.detach(), *grads, *network.buffers()]


def batch():
    random = torch.Generator().manual_seed(1)
    # Means far from zero, where the mean of squares is no way to the variance.
    shift = torch.tensor([0.0, 10.0, 300.0]).view(1, 3, 1, 1)
    return [torch.randn(sum(SHARES), 3, 4, 6, generator=random) + move for move in (shift, 0)]


def share(rank, folder):
    address = f"file://{folder}/meeting"
    distributed.init_process_group("gloo", address, rank=rank, world_size=len(SHARES))
    network = layer()
    normalise_globally(network)
    parts = [whole.split(SHARES)[rank] for whole in batch()]
    found = [value.contiguous() for value in passed(network, *parts)]
    save_file(dict(zip("abcdefg", found, strict=True)), f"{folder}/{rank}.safetensors")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_normalise_as_one(tmp_path):
    multiprocessing.spawn(share, (str(tmp_path),), nprocs=len(SHARES))
    files = [load_file(tmp_path / f"{rank}.safetensors") for rank in range(len(SHARES))]
    shares = [[found[name] for name in sorted(found)] for found in files]
    output, image_grad, weight_grad, bias_grad, *statistics = passed(layer(), *batch())
    close = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(torch.cat([found[0] for found in shares]), output, **close)
    torch.testing.assert_close(torch.cat([found[1] for found in shares]), image_grad, **close)
    for index, expected in ((2, weight_grad), (3, bias_grad)):
        torch.testing.assert_close(sum(found[index] for found in shares), expected, **close)
    for found in shares:
        torch.testing.assert_close(found[4:], statistics, **close)


def test_only_layers_with_live_statistics_are_replaced():
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Sequential(FrozenBatchNorm2d(3), nn.ReLU()))
    before = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    normalise_globally(network)
    assert type(network[0]) is GlobalBatchNorm2d
    assert type(network[1][0]) is FrozenBatchNorm2d
    after = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    assert after.keys() == before.keys()
    assert all(value is before[name] for name, value in after.items())


def test_evaluation_needs_no_other_process():
    network, images = layer().eval(), batch()[0]
    expected = network(images)
    normalise_globally(network)
    torch.testing.assert_close(network(images), expected, rtol=0, atol=0)
