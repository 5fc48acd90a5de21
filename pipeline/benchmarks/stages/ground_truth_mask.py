"""Ground truth masks as a round, only for the fully supervised reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.records import BACKGROUND, IGNORE, ClassTable, Row, encode_mask
from tag2mask.pipeline.records.mask_rows import mask_path


class GroundTruthMask:
    """A stage that adds the ground truth masks to images.

    Args:
        directory: Folder of the ground truth masks.
        classes: The run's class names; other classes become background.
    """

    def __init__(self, directory: str, classes: Sequence[str]) -> None:
        self.ground_truth = GroundTruthFolder(directory, ClassTable(names=tuple(classes)))

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Add ``mask`` and ``kept`` to rows; images without a ground truth mask are not kept."""
        return [self._true(row) for row in rows]

    def _true(self, row: Row) -> Row:
        mask = self.ground_truth.mask(row["image"]["path"])
        if mask is None:
            return {**row, "kept": False, "reason": "no ground truth mask"}
        shown = sorted({*np.unique(mask).tolist()} - {BACKGROUND, IGNORE})
        return {
            **row,
            "mask": {"bytes": encode_mask(mask), "path": mask_path(row)},
            "classes": shown,
            "source": "truth",
            "kept": True,
            "reason": "",
        }
