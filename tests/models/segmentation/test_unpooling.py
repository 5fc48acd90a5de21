"""Switches, and the two decoders that use them."""

import pytest
import torch

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.segmentation import SEGMENTERS
from tag2mask.models.segmentation.unpooling import switches_of, unpool


@pytest.mark.parametrize("size", [(8, 8), (5, 7)])
def test_maxima_go_back_to_their_places(size):
    x = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    pooled = torch.nn.functional.max_pool2d(x, 2, 2, ceil_mode=True)
    restored = unpool(pooled, switches_of(x), x)
    kept = restored != 0
    assert restored.shape == x.shape
    assert torch.equal(restored[kept], x[kept])
    assert kept.sum() == pooled.numel()
    assert torch.equal(torch.nn.functional.max_pool2d(restored, 2, 2, ceil_mode=True), pooled)


def test_segnet_needs_less_than_an_eighth_of_deconvnets_parameters():
    """The papers have 29.5 against 252 million on VGG-16: no fully connected layers."""
    with torch.device("meta"):
        backbone = BACKBONES["vgg16"](output_stride=16, pretrained=False)
        built = [SEGMENTERS[name](backbone, 21, width=4096) for name in ("segnet", "deconvnet")]
    sizes = [sum(parameter.numel() for parameter in model.parameters()) for model in built]
    assert sizes[0] < sizes[1] / 8
    assert sizes[1] == pytest.approx(252e6, rel=0.1)
