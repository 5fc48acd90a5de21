"""The expected calibration error against torchmetrics, and the reliability table by hand."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import binary_calibration_error

from tag2mask.pipeline.evaluation.calibration import (
    Calibration,
    calibration,
    confidence_counts,
    object_calibration,
    object_sums,
)
from tag2mask.pipeline.evaluation.voc import confusion


def images(seed: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Ground truth, prediction and an overconfident confidence map of an eighth of the size."""
    random = np.random.default_rng(seed)
    found = []
    for height, width in ((16, 24), (40, 32)):
        # 255 is left to another test: torchmetrics gives a confidence of 1 a bin of its own.
        grid = random.integers(60, 255, (height // 8, width // 8)).astype(np.uint8)
        full = grid.repeat(8, axis=0).repeat(8, axis=1) / 255
        ground_truth = random.integers(0, 3, (height, width)).astype(np.uint8)
        right = random.random(ground_truth.shape) < full * 0.8
        prediction = np.where(right, ground_truth, (ground_truth + 1) % 3).astype(np.uint8)
        ground_truth[random.random(ground_truth.shape) < 0.1] = 255
        prediction[random.random(ground_truth.shape) < 0.1] = 255
        found.append((ground_truth, prediction, grid))
    return found


def measured(counts: np.ndarray, bins: int = 10) -> Calibration:
    found = calibration(counts, bins)
    assert found is not None
    return found


@pytest.mark.parametrize("bins", [7, 10, 15])
def test_agrees_with_torchmetrics(bins: int):
    counts, confidences, hits = np.zeros((256, 2), np.int64), [], []
    for ground_truth, prediction, grid in images(bins):
        counts += confidence_counts(ground_truth, prediction, grid)
        counted = (ground_truth != 255) & (prediction != 255)
        confidences.append((grid.repeat(8, axis=0).repeat(8, axis=1) / 255)[counted])
        hits.append((ground_truth == prediction)[counted])
    # A hair upwards, so that 51/255 falls into the bin that begins with 0.2 there, too.
    confidence = torch.from_numpy(np.concatenate(confidences)) + 1e-9
    hit = torch.from_numpy(np.concatenate(hits).astype(np.int64))
    found = measured(counts, bins)
    expected = binary_calibration_error(confidence, hit, n_bins=bins, norm="l1")
    assert found.expected_error == pytest.approx(expected.item(), abs=1e-6)
    assert found.expected_error > 0.05, "a case that tells"
    assert found.confidence == pytest.approx(confidence.mean().item(), abs=1e-6)
    assert found.accuracy == pytest.approx(hit.double().mean().item())
    assert found.pixels == len(hit)


def test_a_table_by_hand():
    ground_truth = np.array([[1, 1, 0, 0]], np.uint8)
    prediction = np.array([[1, 0, 0, 255]], np.uint8)
    confidence = np.array([[230, 230, 255, 10]], np.uint8)
    found = measured(confidence_counts(ground_truth, prediction, confidence))
    last = found.bins[-1]
    assert (last.low, last.high, last.pixels) == (0.9, 1, 3)
    assert last.accuracy == pytest.approx(2 / 3)
    assert last.confidence == pytest.approx((2 * 230 + 255) / 3 / 255)
    assert [entry.pixels for entry in found.bins[:-1]] == [0] * 9
    assert found.bins[0].confidence is None
    assert found.expected_error == pytest.approx(abs(found.confidence - found.accuracy))


@pytest.mark.parametrize("value", range(0, 256, 51))
def test_whole_tenths_begin_a_bin(value: int):
    counts = np.zeros((256, 2), np.int64)
    counts[value] = (4, 1)
    bins = measured(counts).bins
    (home,) = [index for index, entry in enumerate(bins) if entry.pixels]
    assert home == min(value * 10 // 255, 9)


def test_sizes_that_are_no_multiple_of_eight():
    """Thirteen columns in two cells: the middle one belongs to the second."""
    mask = np.zeros((3, 13), np.uint8)
    counts = confidence_counts(mask, mask, np.array([[100, 200]], np.uint8))
    assert counts[100].tolist() == [18, 18]
    assert counts[200].tolist() == [21, 21]


def test_nothing_labeled_has_no_calibration():
    nothing = np.full((8, 8), 255, np.uint8)
    assert calibration(confidence_counts(nothing, nothing, np.zeros((1, 1), np.uint8))) is None


def test_objects_by_hand():
    ground_truth = np.array([[1, 1, 1, 1, 2, 2, 0, 0]], np.uint8)
    prediction = np.array([[1, 1, 0, 0, 2, 2, 2, 2]], np.uint8)
    matrix = confusion(ground_truth, prediction, 3)
    # IoU 2/4 and 2/4; nobody shows class 3, and a confidence of 1 is in the last bin.
    sums = object_sums(matrix, {1: 0.93, 2: 1.0, 3: 0.2})
    sums += object_sums(confusion(ground_truth, ground_truth, 3), {1: 0.05})
    found = object_calibration(sums)
    assert found is not None
    assert found.objects == 3
    first, last = found.bins[0], found.bins[-1]
    assert (first.objects, first.confidence, first.iou) == (1, pytest.approx(0.05), 1.0)
    assert (last.objects, last.confidence, last.iou) == (2, pytest.approx(0.965), 0.5)
    assert found.bins[2].objects == 0
    assert found.bins[2].confidence is None
    assert found.expected_error == pytest.approx((0.95 + 2 * 0.465) / 3)
    assert found.iou == pytest.approx(2 / 3)
    assert found.confidence == pytest.approx(1.98 / 3)


def test_a_missing_object_counts():
    ground_truth = np.array([[1, 1, 0, 0]], np.uint8)
    found = object_calibration(object_sums(confusion(ground_truth, 0 * ground_truth, 1), {1: 0.0}))
    assert found is not None
    assert (found.objects, found.iou, found.expected_error) == (1, 0.0, 0.0)
    assert object_calibration(np.zeros((10, 3))) is None
