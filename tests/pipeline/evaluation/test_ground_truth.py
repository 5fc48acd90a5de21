"""Ground truth masks: found by path or stem, translated by class name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.records import VOC_CLASSES, ClassTable, encode_mask

VOC = ClassTable(names=VOC_CLASSES)


def write(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_mask(mask.astype(np.uint8)))


@pytest.mark.parametrize("folder", ["SegmentationClass", "."])
def test_ground_truth_is_found_by_stem(tmp_path: Path, folder: str):
    mask = np.array([[0, 8, 255], [20, 12, 0]])
    write(tmp_path / folder / "2007_1.png", mask)
    ground_truth = GroundTruthFolder(str(tmp_path), VOC)
    np.testing.assert_array_equal(ground_truth.mask("JPEGImages/2007_1.jpg"), mask)
    assert ground_truth.mask("2007_2.jpg") is None
    assert len(ground_truth) == 1


def test_ground_truth_reads_gray_masks_and_uris(tmp_path: Path):
    Image.fromarray(np.full((2, 3), 15, np.uint8), "L").save(tmp_path / "a.png")
    ground_truth = GroundTruthFolder(tmp_path.as_uri(), VOC)
    np.testing.assert_array_equal(ground_truth.mask("a.jpg"), np.full((2, 3), 15))


def test_same_stem_in_two_folders(tmp_path: Path):
    write(tmp_path / "cat" / "1.png", np.full((2, 2), 8))
    write(tmp_path / "dog" / "1.png", np.full((2, 2), 12))
    ground_truth = GroundTruthFolder(str(tmp_path), VOC)
    np.testing.assert_array_equal(ground_truth.mask("cat/1.jpg"), np.full((2, 2), 8))
    np.testing.assert_array_equal(ground_truth.mask("dog/1.jpg"), np.full((2, 2), 12))
    with pytest.raises(UserError, match=r"2 ground truth masks are named 1\.png"):
        ground_truth.mask("elsewhere/1.jpg")


def test_classes_are_translated_by_name(tmp_path: Path):
    """VOC: cat is 8, dog is 12, person is 15; the run has only dog as 1 and cat as 2."""
    write(tmp_path / "a.png", np.array([[0, 8, 12, 15, 255]]))
    ground_truth = GroundTruthFolder(str(tmp_path), ClassTable(names=("dog", "cat")))
    np.testing.assert_array_equal(ground_truth.mask("a.jpg"), [[0, 2, 1, 0, 255]])


def test_ground_truth_with_its_own_classes(tmp_path: Path):
    (tmp_path / "classes.txt").write_text("background\nstar\n\nmoon\n")
    write(tmp_path / "SegmentationClass" / "a.png", np.array([[0, 1, 2, 255]]))
    ground_truth = GroundTruthFolder(str(tmp_path), ClassTable(names=("moon", "star")))
    np.testing.assert_array_equal(ground_truth.mask("a.jpg"), [[0, 2, 1, 255]])
    with pytest.raises(UserError, match=r"does not have the classes sun.*classes\.txt"):
        GroundTruthFolder(str(tmp_path), ClassTable(names=("moon", "sun")))


def test_ground_truth_with_stray_values(tmp_path: Path):
    write(tmp_path / "a.png", np.array([[0, 30]]))
    with pytest.raises(UserError, match=r"a\.png holds the pixel values \[30\]"):
        GroundTruthFolder(str(tmp_path), VOC).mask("a.jpg")


def test_ground_truth_that_is_no_mask(tmp_path: Path):
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"nothing")
    ground_truth = GroundTruthFolder(str(tmp_path), VOC)
    for name in "ab":
        with pytest.raises(UserError, match=rf"{name}\.png cannot be read"):
            ground_truth.mask(f"{name}.jpg")


@pytest.mark.parametrize("folder", ["", "missing"])
def test_ground_truth_without_masks(tmp_path: Path, folder: str):
    with pytest.raises(UserError, match="no ground truth masks in"):
        GroundTruthFolder(str(tmp_path / folder), VOC)
