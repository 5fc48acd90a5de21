"""Folding: fewer layers, the same function."""

import copy

import pytest
import torch
from torch import nn

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.folding import folded
from tests.models.randomized import assert_same, random_images, random_tagger, randomize


@pytest.mark.parametrize("backbone", ["tiny", "efficientnet_lite0", "resnet50"])
@torch.no_grad()
def test_a_backbone_and_its_folded_copy_agree(backbone):
    original = randomize(BACKBONES[backbone](pretrained=False)).eval()
    images = random_images(1, 3, 64, 48)
    expected, found = original(images), folded(original)(images)
    assert expected.keys() == found.keys()
    for stage, features in expected.items():
        assert_same(found[stage], features, 1e-4)


@pytest.mark.parametrize(
    ("backbone", "normalizations"), [("tiny", 9), ("efficientnet_lite0", 48), ("resnet50", 53)]
)
def test_normalizations_after_convolutions_are_gone(backbone, normalizations):
    def count(module):
        return sum(isinstance(part, nn.BatchNorm2d) for part in module.modules())

    built = BACKBONES[backbone](pretrained=False)
    assert count(built) == normalizations
    assert count(folded(built)) == 0


def test_the_original_is_left_alone():
    tagger = random_tagger()
    tagger.train()
    before = copy.deepcopy(tagger.state_dict())
    copied = folded(tagger)
    assert tagger.training
    assert not copied.training
    assert before.keys() == tagger.state_dict().keys()
    for name, value in tagger.state_dict().items():
        assert torch.equal(value, before[name])
    parameters = {parameter.data_ptr() for parameter in tagger.parameters()}
    assert not parameters & {parameter.data_ptr() for parameter in copied.parameters()}


@torch.no_grad()
def test_a_normalization_without_a_convolution_before_it_stays():
    network = randomize(
        nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4))
    ).eval()
    images = random_images(1, 3, 8, 8)
    copied = folded(network)
    assert sum(isinstance(part, nn.BatchNorm2d) for part in copied.modules()) == 2
    torch.testing.assert_close(copied(images), network(images))


@torch.no_grad()
def test_convolutions_with_groups_and_without_a_bias():
    network = randomize(
        nn.Sequential(nn.Conv2d(4, 8, 3, groups=4, bias=False), nn.BatchNorm2d(8, eps=0.1))
    ).eval()
    images = torch.rand(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    assert_same(folded(network)(images), network(images))
