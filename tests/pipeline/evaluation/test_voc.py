"""The VOC protocol against torchmetrics and a pixel-by-pixel count."""

from pathlib import Path

import numpy as np
import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.evaluation.voc import Scores, confusion, evaluate_masks, scores
from tag2mask.pipeline.records import VOC_CLASSES, ClassTable, Row, encode_mask

CLASSES = 4
NAMES = ("cat", "dog", "cow", "bus")


def images(seed: int, count: int = 3) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ground truths with void pixels and predictions that are right most of the time."""
    random = np.random.default_rng(seed)
    pairs = []
    for _ in range(count):
        shape = tuple(random.integers(5, 30, 2))
        ground_truth = random.integers(0, CLASSES + 1, shape).astype(np.uint8)
        wrong = random.integers(0, CLASSES + 1, shape).astype(np.uint8)
        prediction = np.where(random.random(shape) < 0.6, ground_truth, wrong)
        ground_truth[random.random(shape) < 0.1] = 255
        pairs.append((ground_truth, prediction))
    return pairs


def summed(pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    return np.sum(
        [confusion(ground_truth, prediction, CLASSES) for ground_truth, prediction in pairs], axis=0
    )


def known(values: tuple[float | None, ...]) -> list[float]:
    return [value for value in values if value is not None]


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_torchmetrics(seed: int):
    torch = pytest.importorskip("torch")
    classification = pytest.importorskip("torchmetrics.classification")
    settings = {"num_classes": CLASSES + 1, "ignore_index": 255}
    iou = classification.MulticlassJaccardIndex(average="none", **settings)
    mean = classification.MulticlassJaccardIndex(average="macro", **settings)
    accuracy = classification.MulticlassAccuracy(average="micro", **settings)
    precision = classification.MulticlassPrecision(average="none", **settings)
    recall = classification.MulticlassRecall(average="none", **settings)
    metrics = (iou, mean, accuracy, precision, recall)
    pairs = images(seed)
    for ground_truth, prediction in pairs:
        for metric in metrics:
            metric.update(
                torch.from_numpy(prediction.astype(np.int64)),
                torch.from_numpy(ground_truth.astype(np.int64)),
            )
    result = scores(summed(pairs), NAMES)
    np.testing.assert_allclose(known(result.iou), iou.compute().numpy(), atol=1e-6)
    np.testing.assert_allclose(result.mean_iou, mean.compute().item(), atol=1e-6)
    np.testing.assert_allclose(result.pixel_accuracy, accuracy.compute().item(), atol=1e-6)
    np.testing.assert_allclose(known(result.precision), precision.compute().numpy(), atol=1e-6)
    np.testing.assert_allclose(known(result.recall), recall.compute().numpy(), atol=1e-6)
    assert result.labeled == 1


def test_agrees_with_torchmetrics_on_absent_classes():
    """A class that is nowhere leaves the mean; one that is only predicted counts as zero."""
    torch = pytest.importorskip("torch")
    classification = pytest.importorskip("torchmetrics.classification")
    ground_truth = np.array([[0, 0, 1, 1], [255, 0, 1, 2]], np.uint8)
    prediction = np.array([[0, 0, 1, 3], [4, 0, 1, 2]], np.uint8)
    metric = classification.MulticlassJaccardIndex(num_classes=CLASSES + 1, ignore_index=255)
    metric.update(
        torch.from_numpy(prediction.astype(np.int64)),
        torch.from_numpy(ground_truth.astype(np.int64)),
    )
    result = scores(confusion(ground_truth, prediction, CLASSES), NAMES)
    assert list(result.iou) == [1, 2 / 3, 1, 0, None]  # class 4 is predicted on void alone
    assert result.mean_iou == pytest.approx((1 + 2 / 3 + 1 + 0) / 4)
    assert result.mean_iou == pytest.approx(metric.compute().item())


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_a_count_pixel_by_pixel(seed: int):
    random = np.random.default_rng(seed)
    pairs = images(seed)
    for _, prediction in pairs:
        prediction[random.random(prediction.shape) < 0.2] = 255
    pixels = [
        (int(t), int(p))
        for ground_truth, prediction in pairs
        for t, p in zip(ground_truth.flat, prediction.flat, strict=True)
        if t != 255
    ]
    result = scores(summed(pairs), NAMES)
    for index in range(CLASSES + 1):
        hit = sum(t == p == index for t, p in pixels)
        true = sum(t == index for t, _ in pixels)
        predicted = sum(p == index for _, p in pixels)
        assert result.iou[index] == pytest.approx(hit / (true + predicted - hit))
        assert result.recall[index] == pytest.approx(hit / true)
        assert result.precision[index] == pytest.approx(hit / predicted)
    assert result.pixels == len(pixels)
    assert result.pixel_accuracy == pytest.approx(sum(t == p for t, p in pixels) / len(pixels))
    assert result.labeled == pytest.approx(sum(p != 255 for _, p in pixels) / len(pixels))


def test_ignoring_never_pays():
    """Replacing a wrong label by 255 spares the wrong class but the true pixel stays missed."""
    ground_truth = np.array([[0, 0, 1, 1]], np.uint8)
    right = scores(confusion(ground_truth, ground_truth, 1), ["cat"])
    ignored = scores(confusion(ground_truth, np.array([[0, 0, 1, 255]], np.uint8), 1), ["cat"])
    assert right.mean_iou == 1
    assert list(ignored.iou) == [1, 0.5]
    assert ignored.labeled == 0.75
    assert list(ignored.precision) == [1, 1]


def test_nothing_labeled_scores_zero():
    ground_truth = np.array([[0, 1]], np.uint8)
    result = scores(confusion(ground_truth, np.full_like(ground_truth, 255), 1), ["cat"])
    assert result.mean_iou == result.mean_precision == result.labeled == 0
    assert list(result.precision) == [None, None]


def test_confusion_layout():
    ground_truth = np.array([[0, 1, 2, 2, 255]], np.uint8)
    prediction = np.array([[0, 2, 2, 255, 1]], np.uint8)
    matrix = confusion(ground_truth, prediction, 2)
    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix, [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]])


def test_confusion_refuses():
    mask = np.zeros((2, 2), np.uint8)
    with pytest.raises(ValueError, match="the ground truth is"):
        confusion(mask, mask[:1], 2)
    with pytest.raises(ValueError, match=r"prediction holds \[7\]"):
        confusion(mask, mask + 7, 2)
    with pytest.raises(ValueError, match=r"the ground truth holds \[3\]"):
        confusion(mask + 3, mask, 2)


def test_scores_refuse():
    with pytest.raises(ValueError, match="do not fit"):
        scores(np.ones((3, 4), np.int64), ["cat"])
    with pytest.raises(ValueError, match="empty"):
        scores(np.zeros((2, 3), np.int64), ["cat"])


def test_scores_survive_json():
    ground_truth = np.array([[0, 1]], np.uint8)
    result = scores(confusion(ground_truth, ground_truth, 2), ["cat", "dog"], images=1)
    assert list(result.iou) == [1, 1, None]
    assert Scores.model_validate_json(result.model_dump_json()) == result


VOC = ClassTable(names=VOC_CLASSES)


def write(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_mask(mask.astype(np.uint8)))


def test_evaluate_masks(tmp_path: Path):
    """Arrays and PNG bytes count alike, failed rows as all missed, others are skipped."""
    mask = np.array([[0, 8], [8, 255]], np.uint8)
    for name in "abc":
        write(tmp_path / f"{name}.png", mask)
    ground_truth = GroundTruthFolder(str(tmp_path), VOC)
    rows: list[Row] = [
        {"path": "a.jpg", "mask": mask},
        {"path": "b.jpg", "mask": encode_mask(mask)},
        {"path": "c.jpg", "mask": None},
        {"path": "no-truth.jpg", "mask": np.zeros((9, 9), np.uint8)},
    ]
    result = evaluate_masks(iter(rows), ground_truth, VOC)
    assert result.images == 3
    assert result.pixels == 9
    assert result.labeled == result.pixel_accuracy == pytest.approx(2 / 3)
    assert result.iou[8] == pytest.approx(2 / 3)
    assert result.precision[8] == 1
    assert result.names[8] == "cat"


def test_sizes_must_agree_unless_resized(tmp_path: Path):
    write(tmp_path / "a.png", np.repeat(np.array([[0, 8]]), 2, axis=1).repeat(2, axis=0))
    ground_truth = GroundTruthFolder(str(tmp_path), VOC)
    rows = [{"path": "a.jpg", "mask": np.array([[0, 8]], np.uint8)}]
    with pytest.raises(UserError, match=r"a\.jpg.* 2x1 .* 4x2"):
        evaluate_masks(rows, ground_truth, VOC)
    assert evaluate_masks(rows, ground_truth, VOC, resize=True).mean_iou == 1


def test_evaluate_masks_refuses(tmp_path: Path):
    write(tmp_path / "a.png", np.zeros((2, 2)))
    ground_truth = GroundTruthFolder(str(tmp_path), VOC)
    with pytest.raises(UserError, match="no image has a ground truth mask"):
        evaluate_masks([{"path": "b.jpg", "mask": None}], ground_truth, VOC)
    with pytest.raises(UserError, match=r"a\.jpg cannot be scored.*\[21\]"):
        evaluate_masks(
            [{"path": "a.jpg", "mask": np.full((2, 2), 21, np.uint8)}], ground_truth, VOC
        )
