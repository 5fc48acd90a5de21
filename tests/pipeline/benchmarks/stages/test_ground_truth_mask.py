"""TrueMask: ground truth masks by name of their classes, for the fully supervised reference."""

import numpy as np
import pytest

from tag2mask.pipeline.benchmarks.stages.ground_truth_mask import GroundTruthMask
from tag2mask.pipeline.engine.base import run_stage
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import IGNORE, decode_mask, encode_mask


@pytest.fixture
def ground_truth(tmp_path):
    """Masks whose table is bird, cat, dog: not the order of the run."""
    folder = tmp_path / "SegmentationClass"
    folder.mkdir()
    (tmp_path / "classes.txt").write_text("bird\ncat\ndog\n")
    mask = np.array([[0, 1], [2, 3], [IGNORE, 0]], np.uint8)
    (folder / "a.png").write_bytes(encode_mask(mask))
    (folder / "stray.png").write_bytes(encode_mask(np.full((2, 2), 9, np.uint8)))
    return str(tmp_path)


def row(name):
    return {"id": name, "image": {"path": f"JPEGImages/{name}.jpg"}, "tags": [1]}


def test_pixel_values_are_translated_by_class_name(ground_truth):
    (made,) = GroundTruthMask(ground_truth, ["dog", "bird"])([row("a")])
    # Cats are unknown to this run: background.
    np.testing.assert_array_equal(decode_mask(made["mask"]["bytes"]), [[0, 2], [0, 1], [IGNORE, 0]])
    assert made["classes"] == [1, 2]
    assert made["kept"]
    assert made["reason"] == ""
    assert made["source"] == "truth"
    assert made["mask"]["path"] == "JPEGImages/a.png"


def test_a_image_without_a_ground_truth_mask_is_not_kept(ground_truth):
    (made,) = GroundTruthMask(ground_truth, ["dog"])([row("b")])
    assert not made["kept"]
    assert made["reason"] == "no ground truth mask"
    assert made.get("mask") is None


def test_a_damaged_mask_costs_its_row_alone(ground_truth):
    rows = run_stage(GroundTruthMask(ground_truth, ["dog"]), [row("a"), row("stray")], 8)
    assert rows[0]["kept"]
    assert "stray.png" in rows[1]["error"]


def test_ground_truth_that_does_not_know_the_classes(ground_truth):
    with pytest.raises(UserError, match="cow"):
        GroundTruthMask(ground_truth, ["cow"])
