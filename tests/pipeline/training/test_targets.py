"""Targets of a view, from the masks and tags of a row."""

from pathlib import Path

import numpy as np
import pytest

from tag2mask.pipeline.records import IGNORE, encode_mask
from tag2mask.pipeline.training.augmentation import View
from tag2mask.pipeline.training.targets import (
    ConfidentMaskTarget,
    MaskTarget,
    NegativeTarget,
    SoftTarget,
    TagTarget,
    WeakTarget,
    WeightedMaskTarget,
    WeightedNegativeTarget,
    one_hot,
)
from tests.pipeline.toys import CLASSES, labels, toy_scan

COUNT = 11
WHOLE = View(64, 48, 0, 0, 64, False)  # a toy image as it is, padded below


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    return toy_scan(tmp_path_factory.mktemp("samples"), COUNT)


@pytest.fixture(scope="module")
def row(scan):
    """An image with two tags."""
    return next(row for row in scan.rows() if len(row["tags"]) == 2)


def test_tags_are_many_hot(row):
    expected = np.isin([1, 2, 3], row["tags"]).astype(np.float32)
    np.testing.assert_array_equal(TagTarget(3)(row, WHOLE, np.random.default_rng(0)), expected)


def mask_of(row):
    return labels(int(Path(row["image"]["path"]).stem), row["tags"])


def test_mask_target_is_the_mask_on_a_grid_of_four(row):
    target = MaskTarget("toy")(row, WHOLE, np.random.default_rng(0))
    assert target.dtype == np.int64
    np.testing.assert_array_equal(target[:12], mask_of(row)[2::4, 2::4])
    assert (target[12:] == IGNORE).all(), "outside of the image"


def test_confident_mask_ignores_less_certain_pixels(row):
    """The toy masks are 90 % sure on the left half and 50 % on the right."""
    whole = MaskTarget("toy")(row, WHOLE, np.random.default_rng(0))
    cut = ConfidentMaskTarget("toy", (0.8,))(row, WHOLE, np.random.default_rng(0))
    # The map has an eighth of the size: two cells of the grid beside the middle blend.
    np.testing.assert_array_equal(cut[:, :7], whole[:, :7])
    assert (cut[:, 9:] == IGNORE).all()
    everything = ConfidentMaskTarget("toy", (0.0,))(row, WHOLE, np.random.default_rng(0))
    np.testing.assert_array_equal(everything, whole)


def test_confident_masks_of_a_image_differ_by_their_threshold(row):
    target = ConfidentMaskTarget("toy", (0.0, 0.95))
    masks = [target(row, WHOLE, np.random.default_rng(seed)) for seed in range(8)]
    ignored = {float((mask[:12] == IGNORE).mean()) for mask in masks}
    assert ignored == {0.0, 1.0}


def test_soft_targets_sum_to_one_inside_and_to_zero_outside(row):
    target = SoftTarget("toy", len(CLASSES))(row, WHOLE, np.random.default_rng(0))
    assert target.shape == (len(CLASSES) + 1, 16, 16)
    assert target.dtype == np.float32
    total = target.sum(axis=0)
    np.testing.assert_allclose(total[:12], 1, atol=1e-6)
    np.testing.assert_array_equal(total[12:], 0)


def test_soft_targets_stand_in_the_channels_of_their_classes(row):
    target = SoftTarget("toy", len(CLASSES))(row, WHOLE, np.random.default_rng(0))
    absent = [channel for channel in range(1, 4) if channel not in row["tags"]]
    assert not target[absent].any()
    reduced = mask_of(row)[2::4, 2::4]
    agrees = target.argmax(axis=0)[:12] == reduced
    assert agrees.mean() > 0.9, "all but the blended borders"


@pytest.mark.parametrize("soft", [False, True])
def test_negatives_are_background_inside_and_nothing_outside(row, soft):
    rng = np.random.default_rng(0)
    otherwise = SoftTarget("toy", len(CLASSES)) if soft else MaskTarget("toy")
    target = NegativeTarget(otherwise, len(CLASSES), soft)
    np.testing.assert_array_equal(target(row, WHOLE, rng), otherwise(row, WHOLE, rng))
    negative = {**row, "tags": [], "toy": None}
    expected = np.full((16, 16), IGNORE)
    expected[:12] = 0  # a toy image is 48 high, padded below
    found = target(negative, WHOLE, rng)
    np.testing.assert_array_equal(found, one_hot(expected, len(CLASSES)) if soft else expected)
    assert found.dtype == otherwise(row, WHOLE, rng).dtype


def test_weighted_negatives_weigh_as_an_empty_mask_does(row):
    rng = np.random.default_rng(0)
    otherwise = WeightedMaskTarget("toy")
    target = WeightedNegativeTarget(otherwise, len(CLASSES), soft=False)
    empty = encode_mask(np.zeros((48, 64), np.uint8))
    expected = otherwise({**row, "toy": {"mask": {"bytes": empty}}}, WHOLE, rng)
    found = target({**row, "tags": [], "toy": None}, WHOLE, rng)
    for part, known in zip(found, expected, strict=True):
        np.testing.assert_array_equal(part, known)
        assert part.dtype == known.dtype
    np.testing.assert_array_equal(target(row, WHOLE, rng), otherwise(row, WHOLE, rng))


def test_one_hot_of_a_mask():
    mask = np.array([[0, 2], [IGNORE, 1]])
    expected = [[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 1], [0, 0]]]
    np.testing.assert_array_equal(one_hot(mask, 2), expected)


def test_seeds_of_a_weak_target_are_the_masks_of_a_round(scan, row):
    rng = np.random.default_rng(0)
    _, seeds, _ = WeakTarget(len(CLASSES), "toy")(row, WHOLE, rng)
    assert np.array_equal(seeds, MaskTarget("toy")(row, WHOLE, rng))
