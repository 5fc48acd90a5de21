"""Assess: tables and folders of masks against ground truth masks."""

from pathlib import Path

import numpy as np
import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import (
    assess,
    assess_masks,
    class_table,
    find_ground_truth,
    mask_rows,
)
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.records import ClassTable, encode_mask
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import CLASSES, images_table, labels, round_row, round_table

COUNT = 6


@pytest.fixture
def images(tmp_path):
    return images_table(tmp_path, COUNT)


@pytest.fixture
def ground_truth(tmp_path, images):
    """The ground truth masks of the toy images, as a folder."""
    folder = tmp_path / "truth/SegmentationClass"
    folder.mkdir(parents=True)
    (tmp_path / "truth/classes.txt").write_text("\n".join(CLASSES))
    for row in images.rows():
        name = Path(row["image"]["path"]).name
        mask = labels(int(Path(name).stem), row["tags"])
        (folder / name).write_bytes(encode_mask(mask))
    return str(tmp_path / "truth")


def test_perfect_masks(tmp_path, images, ground_truth):
    toy = round_table(tmp_path, images)
    scores = assess(toy, GroundTruthFolder(ground_truth, class_table(toy)))
    assert scores.mean_iou == 1
    assert scores.images == COUNT
    whole = assess_masks(toy.uri, ground_truth)
    assert whole.scores == scores
    assert whole.boundary.mean_f == 1
    assert whole.calibration is not None
    # Certain to 0.9 on the left half, to 0.5 on the right one, and right everywhere.
    assert [entry.accuracy for entry in whole.calibration.bins if entry.pixels] == [1, 1]
    assert whole.calibration.expected_error == pytest.approx(0.3, abs=2 / 255)


def test_some_rows_alone(tmp_path, images, ground_truth):
    toy = round_table(tmp_path, images)
    chosen = set(toy.ids()[:2])
    assert assess(toy, GroundTruthFolder(ground_truth, class_table(toy)), chosen).images == 2


def test_rows_without_a_mask_are_left_out(tmp_path, images):
    rows = [round_row(row) for row in images.rows()]
    rows[0] = {"id": rows[0]["id"], "error": "ValueError: broken"}
    broken = writer(tmp_path, "broken")
    broken.stage(rows)
    assert len(list(mask_rows(broken.commit()))) == COUNT - 1


def test_a_folder_of_masks(tmp_path, images, ground_truth):
    folder = tmp_path / "masks"
    folder.mkdir()
    (folder / "classes.txt").write_text("bird\ncat\n")
    # Everything is called background: birds and cats are missed.
    for number in range(COUNT):
        (folder / f"{number}.png").write_bytes(encode_mask(np.zeros((48, 64), np.uint8)))
    whole = assess_masks(str(folder), ground_truth)
    assert whole.scores.names == ("background", "bird", "cat")
    assert whole.scores.recall == (1, 0, 0)
    assert whole.boundary.f[1:] == (0, 0)
    assert whole.calibration is None


def test_wrong_input(tmp_path, images, ground_truth):
    with pytest.raises(UserError, match="holds no masks"):
        assess_masks(images.uri, ground_truth)
    with pytest.raises(UserError, match="no masks in"):
        assess_masks(str(tmp_path / "absent"), ground_truth)
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks/a.png").write_bytes(encode_mask(np.zeros((4, 4), np.uint8)))
    with pytest.raises(UserError, match=r"no classes\.txt"):
        assess_masks(str(tmp_path / "masks"), ground_truth)
    (tmp_path / "masks/classes.txt").write_text("cat\ncat\n")
    with pytest.raises(UserError, match="does not list classes"):
        assess_masks(str(tmp_path / "masks"), ground_truth)


def test_ground_truth_beside_a_source(tmp_path, images, ground_truth):
    classes = class_table(images)
    found = find_ground_truth(ground_truth, classes)
    assert found is not None
    assert len(found) == COUNT
    assert find_ground_truth(str(tmp_path / "absent"), classes) is None


def test_images_are_not_taken_for_ground_truth_masks(tmp_path):
    """The classes are VOC's, and the images are PNGs."""
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat/a.png").write_bytes(encode_mask(np.ones((4, 4), np.uint8)))
    assert find_ground_truth(str(tmp_path), ClassTable(names=("cat",))) is None
