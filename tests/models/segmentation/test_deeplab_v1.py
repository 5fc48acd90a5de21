"""DeepLab-LargeFOV."""

import pytest
import torch

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.segmentation import DeepLabLargeFov
from tests.models.randomized import random_images


@pytest.mark.parametrize(
    ("backbone", "output_stride", "rate"),
    [("tiny", 8, 12), ("vgg16", 16, 6), ("efficientnet_lite0", 32, 3)],
)
def test_the_field_of_view_is_the_same_in_pixels(backbone, output_stride, rate):
    built = BACKBONES[backbone](output_stride=output_stride, pretrained=False)
    segmenter = DeepLabLargeFov(built, 3, width=8)
    assert segmenter.fc6.dilation == (rate, rate)
    assert rate * output_stride == 96


def test_it_has_the_size_of_the_paper():
    """LargeFOV on VGG-16 has 20.5 million parameters."""
    backbone = BACKBONES["vgg16"](output_stride=8, pretrained=False)
    parameters = sum(parameter.numel() for parameter in DeepLabLargeFov(backbone, 21).parameters())
    assert parameters == pytest.approx(20.5e6, rel=0.01)


def test_dropout_works_in_training_alone():
    torch.manual_seed(0)
    segmenter = DeepLabLargeFov(BACKBONES["tiny"](), 3, width=32)
    torch.nn.init.normal_(segmenter.fc8.weight)
    images = random_images(1, 3, 32, 32)
    with torch.no_grad():
        segmenter.eval()
        assert torch.equal(segmenter(images), segmenter(images))
        segmenter.dropout.train()
        assert not torch.equal(segmenter(images), segmenter(images))
