"""Guided back-propagation against captum's."""

import copy

import pytest
import torch
from captum.attr import GuidedBackprop
from torch import Tensor, nn

from tag2mask.models.saliency.dcsm import GuidedGradients
from tag2mask.models.saliency.guided import GuidedReLU, guided
from tests.models.randomized import assert_same, random_images, random_tagger, randomize

CLASSES = 4


def plain_network() -> nn.Module:
    """VGG-like, with class maps of (N, CLASSES, 12, 12) for (N, 3, 24, 24)."""
    layers = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()]
    layers += [nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU()]
    return randomize(nn.Sequential(*layers, nn.Conv2d(16, CLASSES, 1))).eval()


class ChannelSums(nn.Module):
    """A signal of one over a whole channel is the gradient of its sum."""

    def __init__(self, class_maps: nn.Module):
        super().__init__()
        self.class_maps = class_maps

    def forward(self, x: Tensor) -> Tensor:
        maps = self.class_maps(x)
        return getattr(maps, "class_maps", maps).sum(dim=(2, 3))


def attributed(network: nn.Module, x: Tensor, class_index: int) -> Tensor:
    """Captum hooks its model in place, hence the copy."""
    model = ChannelSums(copy.deepcopy(network))
    return GuidedBackprop(model).attribute(x.clone().requires_grad_(), target=class_index)


def signalled(network: nn.Module, x: Tensor, class_index: int) -> Tensor:
    x = x.clone().requires_grad_()
    maps = guided(network)(x)
    maps = getattr(maps, "class_maps", maps)
    signal = torch.zeros_like(maps)
    signal[:, class_index] = 1
    return torch.autograd.grad(maps, x, signal)[0]


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU")
@pytest.mark.parametrize("class_index", range(CLASSES))
@pytest.mark.parametrize("build", [plain_network, random_tagger])
def test_agrees_with_captum(build, class_index):
    network = build()
    images = random_images(2, 3, 24, 24)
    ours, theirs = (of(network, images, class_index) for of in (signalled, attributed))
    assert theirs.abs().max() > 0
    assert_same(ours, theirs)


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU")
def test_gradients_of_the_lowest_tap_agree_with_captum():
    """One batch of class signals gives the results of one pass for each class."""
    tagger = random_tagger()
    image = random_images(1, 3, 32, 32)
    classes = torch.tensor([4, 0, 3])
    lowest = GuidedGradients(tagger, tagger.backbone.taps)(image).gradients(classes)[0]
    tap = tagger.backbone.taps[0]
    upper = [layer for name, layer in tagger.backbone.layers.items() if name >= tap]
    network = nn.Sequential(*upper, tagger.classifier)
    with torch.no_grad():
        below = tagger.backbone.below(image, tap)
    for ours, class_index in zip(lowest, classes.tolist(), strict=True):
        assert_same(ours, attributed(network, below, class_index)[0])


def test_only_positive_gradients_pass_where_the_input_is_positive():
    x = torch.tensor([[-1.0, 2.0, 3.0, 4.0]], requires_grad=True)
    signal = torch.tensor([[1.0, 1.0, -1.0, 0.5]])
    (gradient,) = torch.autograd.grad(GuidedReLU(nn.ReLU())(x), x, signal)
    assert gradient.tolist() == [[0, 1, 0, 0.5]]


def test_rectifier_with_a_ceiling():
    x = torch.tensor([[-1.0, 3.0, 7.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(GuidedReLU(nn.ReLU6())(x).sum(), x)
    assert gradient.tolist() == [[0, 1, 0]]


@pytest.mark.parametrize("with_input", [False, True])
def test_gradient_of_a_rectified_tensor_is_signed(with_input):
    """DCSM reads the gradient at an input before the rectifier below it masks the gradient."""
    x = torch.tensor([[-1.0, 2.0]], requires_grad=True)
    y = GuidedReLU(nn.ReLU())(x)
    wanted = [y, x] if with_input else [y]
    gradients = torch.autograd.grad(y, wanted, torch.tensor([[-3.0, -3.0]]))
    assert gradients[0].tolist() == [[-3, -3]]
    if with_input:
        assert gradients[1].tolist() == [[0, 0]]


def test_rectifier_with_two_names_is_guided_under_both():
    rectifier = nn.ReLU(inplace=True)
    network = guided(nn.Sequential(nn.Conv2d(1, 1, 1), rectifier, nn.Conv2d(1, 1, 1), rectifier))
    assert sum(isinstance(layer, GuidedReLU) for layer in network) == 2


def test_the_network_is_not_touched():
    network = random_tagger().train()
    before = str(network)
    copied = guided(network)
    assert str(network) == before
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert not copied.training
    assert not any(parameter.requires_grad for parameter in copied.parameters())


def test_without_a_graph_it_is_a_rectifier():
    x = torch.tensor([-1.0, 2.0])
    with torch.no_grad():
        assert GuidedReLU(nn.ReLU())(x).tolist() == [0, 2]
