"""IoU by size: pixels counted by hand, and all sizes together against the VOC protocol."""

import numpy as np
import pytest

from tag2mask.pipeline.evaluation.sizes import SIZES, size_counts, size_scores
from tag2mask.pipeline.evaluation.voc import confusion, scores


def square(side: int, value: int = 1, of: int = 100) -> np.ndarray:
    mask = np.zeros((of, of), np.uint8)
    mask[:side, :side] = value
    return mask


@pytest.mark.parametrize(("side", "size"), [(22, 0), (23, 1), (44, 1), (45, 2), (100, 2)])
def test_the_size_is_the_true_share(side: int, size: int):
    """Bounds at 5 % and 20 % of 10,000 pixels; the prediction's size does not matter."""
    counts = size_counts(square(side), square(10), 1)
    assert counts[1, size].tolist() == [1, 100, side * side]
    assert counts.sum() == 1 + 100 + side * side


def test_void_counts_for_nothing():
    ground_truth = square(40)
    ground_truth[:10] = 255
    counts = size_counts(ground_truth, square(40), 1)
    assert counts[1, 1].tolist() == [1, 30 * 40, 30 * 40]


def test_scores_by_class_and_size():
    pairs = [
        (square(10), square(5)),
        (square(10), square(10)),
        (square(40), square(20)),
        (square(50, value=2), square(50, value=2)),
        (square(0), square(9, value=3)),  # an object where there is none has no size
    ]
    found = size_scores(np.sum([size_counts(*pair, 3) for pair in pairs], axis=0))
    assert found.iou[0] == (None,) * len(SIZES)
    assert found.iou[1] == (125 / 200, 400 / 1600, None)
    assert found.iou[2] == (None, None, 1)
    assert found.iou[3] == (None,) * len(SIZES)
    assert found.mean_iou == (125 / 200, 400 / 1600, 1)
    assert found.objects == (2, 1, 1)


def test_all_sizes_together_are_the_voc_iou():
    """Where every image shows every class, the sums over sizes are those over images."""
    random = np.random.default_rng(0)
    total, matrix = np.zeros((4, 3, 3), np.int64), np.zeros((4, 5), np.int64)
    for shares in ([0.9, 0.03, 0.04, 0.03], [0.5, 0.1, 0.1, 0.3], [0.1, 0.3, 0.3, 0.3]):
        ground_truth = random.choice(4, (60, 60), p=shares).astype(np.uint8)
        wrong = random.integers(0, 4, ground_truth.shape).astype(np.uint8)
        prediction = np.where(random.random(ground_truth.shape) < 0.7, ground_truth, wrong)
        total += size_counts(ground_truth, prediction, 3)
        matrix += confusion(ground_truth, prediction, 3)
    shared, union = total[1:, :, 1].sum(axis=1), total[1:, :, 2].sum(axis=1)
    np.testing.assert_allclose(shared / union, scores(matrix, "abc").iou[1:])


def test_no_object_no_score():
    empty = size_scores(size_counts(square(0), square(0), 2))
    assert empty.mean_iou == (None, None, None)
    assert empty.objects == (0, 0, 0)
