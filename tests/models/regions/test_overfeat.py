"""One pass over an image equals a classifier on each of its windows, exactly."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.functional import max_pool2d

from tag2mask.models.regions.overfeat import SlidingClassifier, convolutional
from tests.models.randomized import assert_same, random_images


@pytest.fixture(scope="module")
def features():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 5, 3), nn.ReLU()
    ).eval()


@torch.no_grad()
def test_a_convolution_is_the_layer_on_every_window(features):
    torch.manual_seed(1)
    layer = nn.Linear(5 * 16, 7)
    twin = convolutional(layer, 5)
    maps = features(random_images(2, 3, 32, 36))
    scores = twin(maps)
    for row, column in itertools.product(range(scores.shape[2]), range(scores.shape[3])):
        crop = maps[:, :, row : row + 4, column : column + 4]
        assert_same(scores[:, :, row, column], layer(crop.flatten(1)))


def test_inputs_that_are_no_square_windows():
    with pytest.raises(ValueError, match="square"):
        convolutional(nn.Linear(5 * 6, 7), 5)


@pytest.mark.parametrize("pool", [1, 2, 3])
@torch.no_grad()
def test_one_pass_equals_crops_of_the_image(features, pool):
    """The features have a stride of 2: windows one place apart are crops two pixels apart."""
    torch.manual_seed(2)
    layers = [nn.Linear(5 * 4, 8), nn.Linear(8, 3)]
    sliding = SlidingClassifier(features, pool, layers, 5)
    image = random_images(1, 3, 40, 46)
    scores = sliding(image)
    places = 2 * pool  # of a window on the unpooled features
    side = 2 * (places + 2) + 2  # pixels of the crop that has as many
    height, width = scores.shape[2:]
    assert (height, width) == tuple(extent - places + 1 for extent in features(image).shape[2:])
    for row, column in itertools.product(range(height), range(width)):
        crop = image[..., 2 * row : 2 * row + side, 2 * column : 2 * column + side]
        maps = max_pool2d(features(crop), pool)
        assert maps.shape[2:] == (2, 2)
        alone = layers[1](layers[0](maps.flatten(1)).relu())
        assert_same(scores[..., row, column], alone)
