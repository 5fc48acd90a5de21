"""The grid of masks: a row for each method, a column for each image."""

import io

import numpy as np
from PIL import Image

from tag2mask.pipeline.benchmarks.method_grid import (
    CELL,
    EXAMPLES,
    GAP,
    NAMES,
    example_grid,
    method_grid,
)
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.records import ClassTable, decode_mask
from tag2mask.pipeline.report.contact_sheet import PALE
from tests.pipeline.toys import CLASSES, images_table, round_table


def cell(grid, row, column):
    """The middle of a cell."""
    left = NAMES + column * (CELL + GAP) + CELL // 2
    return grid.getpixel((left, GAP + row * (CELL + GAP) + CELL // 2))


def test_cells_hold_images_masks_and_blanks():
    images = [np.full((40, 80, 3), 200, np.uint8), np.full((80, 40, 3), 100, np.uint8)]
    one = np.ones((40, 80), np.uint8)
    grid = method_grid(images, {"ground truth": [one, one[:20]], "mine": [one, None]})
    assert grid.size == (NAMES + 2 * (CELL + GAP) + GAP, 3 * (CELL + GAP) + GAP)
    assert cell(grid, 0, 0) == (200, 200, 200)
    assert cell(grid, 0, 1) == (100, 100, 100)
    assert cell(grid, 1, 0) == cell(grid, 2, 0) != (200, 200, 200)
    assert cell(grid, 2, 1) == PALE


def test_examples_are_images_with_ground_truth(tmp_path):
    images = images_table(tmp_path, 12)
    table = round_table(tmp_path, images)
    (tmp_path / "truth/SegmentationClass").mkdir(parents=True)
    (tmp_path / "truth/classes.txt").write_text("\n".join(CLASSES))
    for row in list(table.rows())[2:]:
        path = tmp_path / "truth/SegmentationClass" / row["mask"]["path"]
        path.write_bytes(row["mask"]["bytes"])
        assert decode_mask(row["mask"]["bytes"]).any()
    ground_truth = GroundTruthFolder(str(tmp_path / "truth"), ClassTable(names=CLASSES))
    data = example_grid(images, {"toy": table, "again": table}, ground_truth)
    with Image.open(io.BytesIO(data)) as grid:
        assert grid.size == (NAMES + EXAMPLES * (CELL + GAP) + GAP, 4 * (CELL + GAP) + GAP)
        assert cell(grid, 1, 0) == cell(grid, 2, 0) == cell(grid, 3, 0)
