"""Pyramids of windows: of one length, and the same from one pass as from crops."""

import pytest
import torch
from torch import nn

from tag2mask.models.regions.spp import BINS, feature_window, spatial_pyramid
from tests.models.randomized import random_images


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (6, 6), (13, 7)])
def test_the_length_does_not_depend_on_the_size(size):
    features = torch.rand(4, *size, generator=torch.Generator().manual_seed(0))
    pyramid = spatial_pyramid(features)
    assert pyramid.shape == (4 * sum(bins * bins for bins in BINS),)
    assert len(pyramid) == 4 * 50
    torch.testing.assert_close(pyramid[:4], features.amax(dim=(1, 2)))
    assert pyramid.max() == features.max()


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((16, 32, 65, 97), (2, 5), (3, 7)),  # floor(16/16)+1 .. ceil(65/16)-1
        ((0, 0, 160, 160), (0, 10), (0, 10)),
        ((20, 20, 24, 24), (1, 2), (1, 2)),  # smaller than a place
        ((150, 150, 160, 160), (9, 10), (9, 10)),
    ],
)
def test_windows_are_those_of_the_paper(box, rows, columns):
    found = feature_window(box, 16, (10, 10))
    assert [(part.start, part.stop) for part in found] == [rows, columns]


@torch.no_grad()
def test_one_pass_equals_crop_by_crop_on_interior_windows():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.ReLU(), nn.Conv2d(6, 4, 3, stride=2))
    image = random_images(3, 83, 99)
    whole = network(image[None])[0]
    for top, left in ((0, 0), (8, 12), (20, 4)):
        crop = image[:, top : top + 47, left : left + 55]
        alone = network(crop[None])[0]
        rows, columns = (
            slice(start // 4, start // 4 + extent)
            for start, extent in ((top, alone.shape[1]), (left, alone.shape[2]))
        )
        window = whole[:, rows, columns]
        torch.testing.assert_close(window, alone)
        torch.testing.assert_close(spatial_pyramid(window), spatial_pyramid(alone))
