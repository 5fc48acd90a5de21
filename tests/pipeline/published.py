"""A small published dataset of toy images, with an earlier round to descend from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import Row, decode_mask, encode_mask
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.small_tables import SHARDS, writer
from tests.pipeline.toys import SilentReporter, images_table, round_row, tiny_recipe


def earlier_row(row: Row) -> Row:
    """The round before: the same mask, one row of pixels lower."""
    last = round_row(row)
    lower = np.roll(decode_mask(last["mask"]["bytes"]), 1, axis=0)
    return {**last, "mask": {"bytes": encode_mask(lower), "path": None}}


def last_row(number: int, row: Row) -> Row:
    """The round that is published: confidences count up from 0.5 in steps of 0.05."""
    confidence = 0.5 + 0.05 * (number % 10)
    return {
        **round_row(row),
        "mask_confidence": confidence,
        "confidence": [confidence] * len(row["tags"]),
        "source": "human" if number % 7 == 0 else "powerful",
        "model": "" if number % 7 == 0 else 64 * "a",
    }


def publish_toys(root: Path | str, count: int, *changes: str, shards: int = SHARDS) -> Table:
    """Publishes toy images whose masks are true.

    Args:
        root: Folder of the run.
        count: Number of images.
        changes: Of the recipe.
        shards: Number of files.
    """
    images = images_table(root, count, shards)
    rows = sorted(images.rows(), key=lambda row: int(Path(row["image"]["path"]).stem))
    settings = {"metadata": images.metadata, "shards": shards}
    before = writer(root, "rounds/enhanced", kind="enhanced", **settings)
    before.stage([earlier_row(row) for row in rows[::2]])
    last = writer(root, "rounds/powerful", kind="powerful", **settings)
    last.stage([last_row(number, row) for number, row in enumerate(rows)])
    recipe = tiny_recipe(f"shards={shards}", *changes)
    run = Run(str(root), recipe, LocalEngine(1), SilentReporter())
    return release(run, images, last.commit(), earlier=[before.commit()])
