"""Convolutions that send gradients back as convolutions, against autograd of the plain ones."""

import pytest
import torch
from torch import nn

from tag2mask.models.backbones.efficientnet_lite import SameConv2d
from tag2mask.models.saliency.adjoint import WINOGRAD_CHANNELS, AdjointConv2d, with_adjoints


def singly(y, x, signals):
    return torch.stack([torch.autograd.grad(y, x, s, retain_graph=True)[0] for s in signals])


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, 3, padding=1),
        nn.Conv2d(4, 6, 3),
        nn.Conv2d(4, 6, (3, 5), padding=(2, 4), dilation=2, bias=False),
        nn.Conv2d(4, 6, 1),
        nn.Conv2d(4, 8, 1, groups=2),
        nn.Conv2d(4, 4, 5, padding=2, groups=4),
        nn.Conv2d(4, 6, 3, padding="same", dilation=2, groups=2),
        SameConv2d(4, 8, 5, dilation=2, groups=4),
    ],
)
@pytest.mark.parametrize("batched", [False, True])
def test_agrees_with_autograd(layer, batched):
    layer = layer.double().requires_grad_(False)
    x = torch.randn(1, 4, 11, 13, dtype=torch.double, requires_grad=True)
    theirs, ours = layer(x), with_adjoints(layer)(x)
    assert torch.equal(ours, theirs)
    signals = torch.randn(3, *theirs.shape, dtype=torch.double)
    expected = torch.stack(
        [torch.autograd.grad(theirs, x, s, retain_graph=True)[0] for s in signals]
    )
    if batched:
        (found,) = torch.autograd.grad(ours, x, signals, is_grads_batched=True)
    else:
        found = torch.stack(
            [torch.autograd.grad(ours, x, s, retain_graph=True)[0] for s in signals]
        )
    torch.testing.assert_close(found, expected)


def test_many_channels_go_back_by_winograd():
    layer = nn.Conv2d(WINOGRAD_CHANNELS, WINOGRAD_CHANNELS, 3, padding=2, dilation=2).double()
    x = torch.randn(1, WINOGRAD_CHANNELS, 9, 6, dtype=torch.double, requires_grad=True)
    ours = AdjointConv2d(layer.requires_grad_(False))
    assert ours.winograd is not None
    signal = torch.randn(1, WINOGRAD_CHANNELS, 9, 6, dtype=torch.double)
    torch.testing.assert_close(*(torch.autograd.grad(f(x), x, signal) for f in (ours, layer)))


def test_layers_that_cannot_be_mirrored_stay():
    strided = nn.Conv2d(4, 4, 3, stride=2)
    reflecting = nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")
    assert with_adjoints(strided) is strided
    assert with_adjoints(reflecting) is reflecting
    assert isinstance(with_adjoints(nn.Conv2d(4, 4, 3)), AdjointConv2d)
