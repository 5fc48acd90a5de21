"""The boundary F-score against dilation by scikit-image, and cases that a ruler can check."""

import numpy as np
import pytest
from skimage.morphology import dilation, disk
from skimage.segmentation import find_boundaries

from tag2mask.pipeline.evaluation.boundaries import boundary, boundary_scores, boundary_sums

SHAPE = (240, 320)  # diagonal 400, so that the tolerance is 3 pixels


def blobs(seed: int, shift: int = 0) -> np.ndarray:
    """Overlapping discs of three classes."""
    random = np.random.default_rng(seed)
    down, right = np.ogrid[: SHAPE[0], : SHAPE[1]]
    mask = np.zeros(SHAPE, np.uint8)
    for _ in range(6):
        top, left, radius = random.integers((0, 0, 15), (*SHAPE, 60))
        mask[(down - top - shift) ** 2 + (right - left) ** 2 <= radius**2] = random.integers(1, 4)
    return mask


def rectangle(top: int, bottom: int, left: int, right: int, value: int = 1) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[top:bottom, left:right] = value
    return mask


def reference(ground_truth: np.ndarray, prediction: np.ndarray, value: int, radius: int) -> float:
    """Perazzi et al.: boundaries within the other boundary, dilated by a disc."""
    true, found = (
        find_boundaries(mask == value, connectivity=1, mode="inner")
        for mask in (ground_truth, prediction)
    )
    precision = (found & dilation(true, disk(radius))).sum() / found.sum()
    recall = (true & dilation(found, disk(radius))).sum() / true.sum()
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("seed", range(2))
def test_agrees_with_dilation(seed: int):
    ground_truth, prediction = blobs(seed), blobs(seed, shift=4)
    sums = boundary_sums(ground_truth, prediction, 3)
    shown = [value for value in range(4) if (ground_truth == value).any()]
    assert len(shown) >= 3
    for value in shown:
        expected = reference(ground_truth, prediction, value, radius=3)
        assert 0.05 < expected < 0.95, "a case that tells"
        assert sums[value, 0] == pytest.approx(expected)


def test_boundaries_agree_with_scikit_image():
    region = blobs(5) == 1
    expected = find_boundaries(region, connectivity=1, mode="inner")
    np.testing.assert_array_equal(boundary(region), expected)


@pytest.mark.parametrize(("shift", "expected"), [(0, 1), (3, 1), (4, 0)])
def test_the_tolerance_is_a_distance(shift: int, expected: int):
    """A band from edge to edge has two straight boundaries, and none at the image's edge."""
    ground_truth = rectangle(100, 140, 0, 320)
    prediction = rectangle(100 + shift, 140 + shift, 0, 320)
    sums = boundary_sums(ground_truth, prediction, 1)
    np.testing.assert_array_equal(sums[1], [expected, 1])


def test_precision_and_recall_are_both_in_it():
    """The upper boundary is hit, the lower one is missed: both are one half, and so is F."""
    sums = boundary_sums(rectangle(100, 140, 0, 320), rectangle(100, 200, 0, 320), 1)
    assert sums[1, 0] == pytest.approx(0.5)


def test_a_class_on_one_side_scores_zero_and_an_absent_one_nothing():
    sums = boundary_sums(rectangle(0, 50, 0, 50), rectangle(0, 50, 0, 50, value=2), 3)
    np.testing.assert_array_equal(sums, [[1, 1], [0, 1], [0, 1], [0, 0]])
    found = boundary_scores(sums)
    assert found.f == (1, 0, 0, None)
    assert found.mean_f == pytest.approx(1 / 3)


def test_a_class_that_fills_the_image_has_no_boundary():
    whole = np.ones(SHAPE, np.uint8)
    np.testing.assert_array_equal(boundary_sums(whole, whole, 1), [[0, 0], [1, 1]])
    half = boundary_sums(whole, rectangle(0, 240, 0, 160), 1)
    np.testing.assert_array_equal(half, [[0, 1], [0, 1]])


def test_the_boundary_lies_in_the_middle_of_a_void_band():
    ground_truth = rectangle(100, 140, 0, 320)
    ground_truth[98:103] = 255
    ground_truth[138:143] = 255
    assert boundary_sums(ground_truth, rectangle(100, 140, 0, 320), 1)[1, 0] == 1
    assert boundary_sums(ground_truth, rectangle(108, 148, 0, 320), 1)[1, 0] == 0


def test_boundaries_deep_inside_of_void_do_not_count():
    ground_truth = rectangle(100, 140, 0, 320)
    ground_truth[200:, :] = 255
    prediction = rectangle(100, 140, 0, 320)
    prediction[220:, 100:200] = 1
    np.testing.assert_array_equal(boundary_sums(ground_truth, prediction, 1), [[1, 1], [1, 1]])
    nothing = boundary_sums(np.full(SHAPE, 255, np.uint8), prediction, 1)
    np.testing.assert_array_equal(nothing, np.zeros((2, 2)))
