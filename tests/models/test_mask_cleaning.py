"""Mask cleaning: what is removed, what takes its place, and what always stays."""

import numpy as np
import pytest
from scipy import ndimage

from tag2mask.models.mask_cleaning import clean_labels


def scene() -> np.ndarray:
    """100 x 100: a square of class 2 with a hole, a bar of class 3, and single pixels of both."""
    labels = np.zeros((100, 100), np.int64)
    labels[10:60, 10:60] = 2
    labels[30:32, 30:32] = 0
    labels[80:90, 20:80] = 3
    labels[5, 95] = 2
    labels[85, 50] = 2
    labels[40, 40] = 3
    return labels


def clean_scene() -> np.ndarray:
    labels = np.zeros((100, 100), np.int64)
    labels[10:60, 10:60] = 2
    labels[80:90, 20:80] = 3
    return labels


def test_specks_and_holes_take_what_is_around_them():
    before = scene()
    cleaned = clean_labels(before, 0.001, 0.001)
    np.testing.assert_array_equal(cleaned, clean_scene())
    np.testing.assert_array_equal(before, scene())
    assert cleaned.dtype == before.dtype


def test_each_threshold_has_its_own_kind():
    specks = clean_labels(scene(), 0.001, 0.0)
    assert (specks[30:32, 30:32] == 0).all()
    assert [specks[5, 95], specks[85, 50], specks[40, 40]] == [0, 3, 2]
    holes = clean_labels(scene(), 0.0, 0.001)
    assert (holes[30:32, 30:32] == 2).all()
    assert [holes[5, 95], holes[85, 50], holes[40, 40]] == [2, 2, 3]


def test_the_least_area_is_a_share_of_the_image_and_stays_itself():
    labels = scene()  # the hole has 4 of 10,000 pixels
    assert clean_labels(labels, 0.0, 0.0004)[30, 30] == 0
    assert clean_labels(labels, 0.0, 0.00041)[30, 30] == 2


def test_a_class_never_vanishes():
    labels = np.zeros((50, 50), np.uint8)
    labels[3, 3] = 1
    labels[20:22, 20] = 4
    labels[30, 30] = 4
    cleaned = clean_labels(labels, 0.5, 0.5)
    assert np.argwhere(cleaned == 1).tolist() == [[3, 3]]
    assert np.argwhere(cleaned == 4).tolist() == [[20, 20], [21, 20]]


def test_pixels_that_touch_at_a_corner_are_one_component():
    labels = np.zeros((10, 10), np.uint8)
    labels[range(2, 6), range(2, 6)] = 1
    labels[8, 8] = 1
    cleaned = clean_labels(labels, 0.04, 0.0)
    assert (cleaned == 1).sum() == 4


@pytest.mark.parametrize("labels", [np.zeros((8, 8), np.uint8), np.full((1, 1), 3, np.uint8)])
def test_nothing_to_remove_gives_the_array_itself(labels):
    assert clean_labels(labels, 0.5, 0.5) is labels


@pytest.mark.parametrize("seed", range(5))
def test_every_component_left_is_large_or_the_largest_of_its_class(seed):
    noise = np.random.default_rng(seed).random((4, 60, 80))
    smooth = np.stack([ndimage.gaussian_filter(plane, 1.5) for plane in noise])
    labels = smooth.argmax(axis=0)
    cleaned = clean_labels(labels, 0.005, 0.005)
    assert (cleaned != labels).any()
    assert set(np.unique(cleaned)) == set(np.unique(labels))
    for label in np.unique(cleaned):
        components, _ = ndimage.label(cleaned == label, np.ones((3, 3)))
        areas = np.bincount(components.ravel())[1:]
        largest_before = np.bincount(ndimage.label(labels == label, np.ones((3, 3)))[0].ravel())[
            1:
        ].max()
        assert areas.min() >= min(0.005 * labels.size, largest_before)


def test_a_second_cleaning_changes_little_that_stayed():
    """Filled places join their neighbors, so what stayed once is never small afterwards."""
    once = clean_labels(scene(), 0.001, 0.001)
    assert clean_labels(once, 0.001, 0.001) is once
