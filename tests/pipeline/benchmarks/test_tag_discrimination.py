"""Told apart: scores of two tags on masks whose halves are theirs."""

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.benchmarks.tag_discrimination import measure_tag_discrimination, own_shares
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.records import ClassTable, encode_map
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import CLASSES, images_table, round_row


def test_ties_are_shared():
    shares = own_shares(np.array([[[0.2, 0.5, 0.0]], [[0.1, 0.5, 0.3]]]))
    np.testing.assert_array_equal(shares, [[[1, 0.5, 0]], [[0, 0.5, 1]]])


@pytest.fixture
def images(tmp_path):
    """Images, and ground truth in which every tag has an upright stripe of its own."""
    images = images_table(tmp_path, 8)
    (tmp_path / "SegmentationClass").mkdir()
    (tmp_path / "classes.txt").write_text("\n".join(CLASSES))
    for row in images.rows():
        mask = stripes(row)
        stem = row["image"]["path"].rsplit("/", 1)[-1].split(".")[0]
        Image.fromarray(mask, "L").save(tmp_path / f"SegmentationClass/{stem}.png")
    return images, GroundTruthFolder(str(tmp_path), ClassTable(names=CLASSES))


def stripes(row):
    mask = np.zeros((row["height"], row["width"]), np.uint8)
    for place, tag in enumerate(row["tags"]):
        mask[:, 8 * place : 8 * place + 6] = tag
    return mask


def scored(tmp_path, images, scores):
    table = writer(tmp_path, "scored", metadata=images.metadata)
    rows = [row for row in images.rows() if len(row["tags"]) == 2]
    table.stage([{**round_row(row), "scores": scores(row)} for row in rows])
    return table.commit()


@pytest.mark.parametrize(("contrast", "expected"), [(1.0, 1.0), (0.0, 0.5), (-1.0, 0.0)])
def test_scores_of_the_right_and_of_the_wrong_stripe(tmp_path, images, contrast, expected):
    images, ground_truth = images

    def scores(row):
        return [encode_map(0.5 + 0.4 * contrast * (stripes(row) == tag)) for tag in row["tags"]]

    assert (
        measure_tag_discrimination(images, scored(tmp_path, images, scores), ground_truth)
        == expected
    )


def test_one_tag_alone_is_not_enough(tmp_path, images):
    images, ground_truth = images
    table = writer(tmp_path, "single", metadata=images.metadata)
    table.stage([round_row(row) for row in images.rows() if len(row["tags"]) == 1])
    with pytest.raises(UserError, match="two of its tags"):
        measure_tag_discrimination(images, table.commit(), ground_truth)
