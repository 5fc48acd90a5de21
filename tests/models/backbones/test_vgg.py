"""VGG-16 against torchvision's own."""

import pytest
import torch
from torch import nn
from torchvision.models.vgg import cfgs, make_layers

from tag2mask.models.backbones.vgg import vgg16_backbone
from tests.models.randomized import assert_same, random_images, randomize


@pytest.fixture(scope="module")
def reference():
    return randomize(make_layers(cfgs["D"]))


def with_weights_of(reference: nn.Sequential, output_stride: int) -> nn.Module:
    backbone = vgg16_backbone(output_stride=output_stride, pretrained=False)
    theirs = [layer for layer in reference if isinstance(layer, nn.Conv2d)]
    ours = [layer for layer in backbone.layers.values() if isinstance(layer, nn.Conv2d)]
    for mine, pretrained in zip(ours, theirs, strict=True):
        mine.load_state_dict(pretrained.state_dict())
    return backbone


@torch.no_grad()
def test_features_at_stride_16(reference):
    backbone = with_weights_of(reference, 16)
    images = random_images(1, 3, 64, 96)
    features = backbone(images)
    x = backbone.normalize(images)
    ends = {8: "c2", 15: "c3", 22: "c4", 29: "c5"}
    for number, layer in enumerate(reference):
        x = layer(x)
        if number in ends:
            assert_same(features[ends[number]], x)


@torch.no_grad()
def test_strides_below_the_dilation_agree(reference):
    images = random_images(1, 3, 64, 64)
    dilated, plain = (with_weights_of(reference, stride)(images) for stride in (8, 16))
    for stage in ("c2", "c3", "c4"):
        assert torch.equal(dilated[stage], plain[stage])


def test_dilation_of_deeplab():
    layers = vgg16_backbone(output_stride=8, pretrained=False).layers
    assert layers["pool3"].stride == 2
    assert layers["pool4"].stride == 1
    assert layers["conv4_3"].dilation == (1, 1)
    assert all(layers[f"conv5_{number}"].dilation == (2, 2) for number in (1, 2, 3))


def test_taps_are_those_of_dcsm():
    """Indices 11 to 29 of the authors' network, at strides 4, 8 and 16."""
    backbone = vgg16_backbone(output_stride=16, pretrained=False)
    assert backbone.taps == tuple(
        f"conv{block}_{number}" for block in (3, 4, 5) for number in (1, 2, 3)
    )
    with torch.no_grad():
        below = backbone.below(torch.zeros(1, 3, 64, 64), backbone.taps[0])
        _, inputs = backbone.above(below, backbone.taps)
    sides = [values.shape[-1] for values in inputs.values()]
    assert [64 // side for side in sides] == [4, 4, 4, 8, 8, 8, 16, 16, 16]


@pytest.mark.parametrize("output_stride", [4, 32])
def test_other_strides_are_refused(output_stride):
    with pytest.raises(ValueError, match=f"8 and 16, not {output_stride}"):
        vgg16_backbone(output_stride=output_stride, pretrained=False)
