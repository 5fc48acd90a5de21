"""The segmenter as a system: its input for a small square."""

import pytest
import torch
from torch.nn.functional import interpolate

from tag2mask.models.transformation.segmentation_system import (
    SegmentationSystem,
    SegmentationSystemSettings,
)


def system(enlarged):
    torch.manual_seed(0)
    return SegmentationSystem(
        SegmentationSystemSettings(size=32, classes=3, enlarged=enlarged)
    ).eval()


@pytest.fixture
def images():
    return 2 * torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) - 1


def test_labels_and_losses_stay_on_the_grid_of_the_square(images):
    labels = system(3).labels(images)
    assert labels.shape == (2, 32, 32)
    losses = system(3).losses("segmenter", {"image": images, "mask": labels}, torch.Generator())
    assert losses["logits"].isfinite()


def test_an_enlarged_square_is_a_larger_image(images):
    larger = interpolate(images, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(system(2).features(images), system(1).features(larger))
