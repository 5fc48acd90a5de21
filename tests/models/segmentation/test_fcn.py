"""Fully convolutional networks and their learnt up-sampling."""

import pytest
import torch
from torch.nn.functional import interpolate

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.segmentation import SEGMENTERS
from tag2mask.models.segmentation.fcn import bilinear_upsampling
from tests.models.randomized import random_images


@pytest.mark.parametrize("factor", [2, 8])
@torch.no_grad()
def test_up_sampling_starts_as_bilinear_interpolation(factor):
    x = torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(0))
    ours = bilinear_upsampling(3, factor)(x)
    theirs = interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
    inner = slice(factor, -factor)  # the border of a transposed convolution fades to zero
    torch.testing.assert_close(ours[..., inner, inner], theirs[..., inner, inner])


def test_an_odd_factor_is_refused():
    with pytest.raises(ValueError, match="3"):
        bilinear_upsampling(2, 3)


@torch.no_grad()
def test_training_begins_with_the_coarse_prediction():
    """Skips that start at zero leave the doubled scores of the last stage."""
    torch.manual_seed(0)
    backbone = BACKBONES["efficientnet_lite0"](output_stride=32, pretrained=False)
    segmenter = SEGMENTERS["fcn8s"](backbone, 3, width=8).eval()
    images = random_images(1, 3, 64, 64)
    features = backbone(images)["c5"]
    coarse = segmenter.score["c5"](segmenter.fc7(segmenter.fc6(features).relu()).relu())
    double = bilinear_upsampling(3, 2)
    torch.testing.assert_close(segmenter.scores(images), double(double(coarse)))
