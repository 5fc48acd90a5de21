"""A finished run whose masks have ignored pixels, and copies of it that tests may change."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import IGNORE, Row, decode_mask, encode_mask
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import SilentReporter, images_table, round_row, tiny_recipe

COUNT = 6


def with_ignored_border(row: Row) -> Row:
    """A round's row whose objects have an ignored column at their left, and a hole."""
    found = round_row(row)
    mask = decode_mask(found["mask"]["bytes"])
    for tag in row["tags"]:
        rows, columns = np.nonzero(mask == tag)
        left = columns.min()
        mask[rows.min() : rows.max() + 1, left : left + 2] = IGNORE
        mask[rows.min() + 8 : rows.min() + 12, left + 5 : left + 9] = 0
    return {**found, "mask": {"bytes": encode_mask(mask), "path": found["mask"]["path"]}}


@pytest.fixture(scope="session")
def finished_with_ignored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ignored")
    run = Run(str(root), tiny_recipe(), LocalEngine(1), SilentReporter())
    images = images_table(root, COUNT)
    rounds = writer(root, "powerful", metadata=images.metadata)
    rounds.stage([with_ignored_border(row) for row in images.rows()])
    release(run, images, rounds.commit())
    return root


@pytest.fixture
def dataset(finished_with_ignored: Path, tmp_path: Path) -> str:
    """The dataset of a copy of the run."""
    return f"{shutil.copytree(finished_with_ignored, tmp_path / 'run')}/dataset"
