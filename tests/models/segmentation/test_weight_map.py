"""U-Net's weights: the formula at single pixels, and pixels of weight zero."""

import math

import numpy as np
import pytest

from tag2mask.models.segmentation.weight_map import BORDER, RAREST, WIDTH, weight_map

IGNORE = 255


@pytest.fixture
def two_squares():
    """Two objects of one class, six columns apart, in an image without a third class."""
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, 4:16] = mask[10:30, 22:36] = 1
    return mask


def shares(mask):
    counts = np.bincount(mask[mask != IGNORE])
    return counts.sum() / len(counts) / counts


def test_places_between_two_objects_weigh_by_their_distances(two_squares):
    weights = weight_map(two_squares, IGNORE)
    assert weights.dtype == np.float32
    background, square = shares(two_squares)
    for row, column, near, far in ((20, 18, 3, 4), (20, 21, 1, 6), (20, 16, 1, 6)):
        lift = BORDER * math.exp(-((near + far) ** 2) / (2 * WIDTH**2))
        assert weights[row, column] == pytest.approx(background + lift, rel=1e-5)
    inside = BORDER * math.exp(-(7**2) / (2 * WIDTH**2))  # of one, seven from the other
    assert weights[20, 15] == pytest.approx(square + inside, rel=1e-5)
    assert weights[20, 0] < weights[20, 18] / 2


def test_one_object_has_no_border(two_squares):
    two_squares[:, 20:] = 0
    background, square = shares(two_squares)
    weights = weight_map(two_squares, IGNORE)
    np.testing.assert_allclose(weights, np.where(two_squares, square, background), rtol=1e-5)


def test_unlabeled_pixels_weigh_nothing_and_rare_classes_not_everything(two_squares):
    two_squares[:5] = IGNORE
    two_squares[35, :3] = 2  # three pixels: a crumb, and very rare
    weights = weight_map(two_squares, IGNORE)
    assert (weights[:5] == 0).all()
    assert weights[35, 0] == pytest.approx(RAREST, abs=0.1)
    assert weight_map(np.full((8, 8), IGNORE, np.uint8), IGNORE).max() == 0


def test_touching_objects_of_two_classes_are_parted():
    mask = np.zeros((30, 30), np.uint8)
    mask[5:25, 2:15] = 1
    mask[5:25, 15:28] = 2
    weights = weight_map(mask, IGNORE)
    assert weights[15, 14] > weights[15, 3] + 0.8 * BORDER
