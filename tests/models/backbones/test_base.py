"""Properties of every backbone; a new member is tested as soon as it is registered."""

import copy

import pytest
import torch
from torch import nn

from tag2mask.models.backbones import BACKBONES, Backbone
from tag2mask.models.backbones.base import FrozenBatchNorm2d
from tests.models.randomized import assert_same, random_images, randomize

SIZES = ((64, 64), (65, 49), (50, 71), (33, 32))


@pytest.fixture(scope="module", params=sorted(BACKBONES))
def member(request):
    backbone = BACKBONES[request.param](pretrained=False)
    randomize(backbone)
    return backbone.eval()


class TestBackbone:
    @pytest.mark.parametrize("size", SIZES)
    @torch.no_grad()
    def test_stage_shapes(self, member: Backbone, size):
        features = member(random_images(2, 3, *size))
        assert [*features] == ["c2", "c3", "c4", "c5"]
        for stage, values in features.items():
            places = tuple(-(-extent // member.strides[stage]) for extent in size)
            assert values.shape == (2, member.channels[stage], *places), stage

    def test_stages_follow_each_other(self, member: Backbone):
        order = [*member.layers]
        ends = [order.index(member.stages[stage]) for stage in ("c2", "c3", "c4", "c5")]
        assert ends == sorted(set(ends))
        assert ends[-1] == len(order) - 1
        assert member.output_stride == member.strides["c5"]
        strides = [*member.strides.values()]
        assert strides == sorted(strides)

    def test_taps_are_layers_in_order(self, member: Backbone):
        assert member.taps
        assert [name for name in member.layers if name in member.taps] == [*member.taps]

    @torch.no_grad()
    def test_below_and_above_make_the_whole(self, member: Backbone):
        images = random_images(1, 3, 48, 40)
        whole = member(images)["c5"]
        for tap in (member.taps[0], member.taps[-1]):
            lowest = member.below(images, tap)
            taps = member.taps[member.taps.index(tap) :]
            top, inputs = member.above(lowest, taps)
            assert torch.equal(top, whole)
            assert [*inputs] == [*taps]
            assert inputs[tap] is lowest

    @torch.no_grad()
    def test_tap_is_the_input_of_its_layer(self, member: Backbone):
        images = random_images(1, 3, 48, 40)
        _, inputs = member.above(member.below(images, member.taps[0]), member.taps)
        for tap, values in inputs.items():
            assert_same(values, member.below(images, tap))

    def test_unknown_layer_is_named(self, member: Backbone):
        with pytest.raises(KeyError, match="conv9_9"):
            member.below(random_images(1, 3, 32, 32), "conv9_9")
        with pytest.raises(KeyError, match="conv9_9"):
            copy.deepcopy(member).freeze_below("conv9_9")

    def test_freeze_below(self, member: Backbone):
        backbone = copy.deepcopy(member).train()
        layer = backbone.taps[len(backbone.taps) // 2]
        backbone.freeze_below(layer)
        backbone(random_images(2, 3, 32, 32))["c5"].sum().backward()
        frozen = [*backbone.layers].index(layer)
        for number, part in enumerate(backbone.layers.values()):
            for parameter in part.parameters():
                assert (parameter.grad is None) == (number < frozen)

    @torch.no_grad()
    def test_input_is_normalized_inside(self, member: Backbone):
        values = member.normalize(member.mean.expand(1, 3, 4, 5) + member.std)
        assert torch.allclose(values, torch.ones(1, 3, 4, 5))
        images = random_images(1, 3, 32, 32)
        first = next(iter(member.layers.values()))
        expected = first((images - member.mean) / member.std)
        assert torch.equal(member.below(images, [*member.layers][1]), expected)

    def test_statistics_are_no_weights(self, member: Backbone):
        assert not {"mean", "std"} & set(member.state_dict())

    @torch.no_grad()
    def test_images_do_not_depend_on_their_batch(self, member: Backbone):
        images = random_images(3, 3, 40, 40)
        together = member(images)["c5"]
        alone = torch.cat([member(image[None])["c5"] for image in images])
        assert_same(together, alone)

    def test_no_rectifier_works_in_place(self, member: Backbone):
        rectifiers = [
            module for module in member.modules() if isinstance(module, nn.ReLU | nn.ReLU6)
        ]
        assert rectifiers
        assert not any(module.inplace for module in rectifiers)


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_output_strides(name):
    with pytest.raises(ValueError, match="7"):
        BACKBONES[name](output_stride=7, pretrained=False)
    built = []
    for output_stride in (8, 16, 32):
        try:
            backbone = BACKBONES[name](output_stride=output_stride, pretrained=False)
        except ValueError as error:
            assert str(output_stride) in str(error)  # noqa: PT017 - most strides do build
            continue
        assert backbone.output_stride == output_stride
        with torch.no_grad():
            side = backbone(torch.zeros(1, 3, 64, 64))["c5"].shape[-1]
        assert side == 64 // output_stride
        built.append(output_stride)
    assert 8 in built


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet50"])
@pytest.mark.parametrize(("fine", "coarse"), [(8, 16), (16, 32)])
@torch.no_grad()
def test_dilation_computes_the_places_skipped_by_the_stride(name, fine, coarse):
    """A trous: at the places that the coarse backbone has, the dilated one agrees with it."""
    # 72 pixels: 9 places at stride 8, 5 at 16; odd, so that the grids share their origin.
    images = random_images(1, 3, 72, 72)
    backbones = [
        randomize(BACKBONES[name](output_stride=s, pretrained=False)) for s in (fine, coarse)
    ]
    dense, sparse = (backbone.eval()(images)["c5"] for backbone in backbones)
    assert_same(dense[:, :, ::2, ::2], sparse)


def test_frozen_batch_norm_learns_but_does_not_estimate():
    layer = randomize(nn.Sequential(FrozenBatchNorm2d(4)))[0].train()
    before = copy.deepcopy(layer.state_dict())
    x = torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(1))
    y = layer(x)
    y.sum().backward()
    assert layer.weight.grad is not None
    for name, values in layer.state_dict().items():
        assert torch.equal(values, before[name])
    assert torch.equal(y, copy.deepcopy(layer).eval()(x))
