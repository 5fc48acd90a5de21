"""Correct: a person's masks take the place of predicted ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tag2mask.pipeline.correction.corrections import SOURCE, is_corrected
from tag2mask.pipeline.engine.base import Stage, StageSpec
from tag2mask.pipeline.records import BACKGROUND, IGNORE, Row, decode_mask, encode_map
from tag2mask.pipeline.records.mask_rows import (
    CONFIDENCE_STRIDE,
    mask_path,
    reduced_size,
    resize_maps,
)
from tag2mask.pipeline.training.targets import CORRECTION


class Correct:
    """Gives corrected images the row of a round that their person's mask makes."""

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Rows of a scan that holds the corrections; others pass as they are."""
        return [_corrected(row) if is_corrected(row) else row for row in rows]


class Uncorrected:
    """Runs a stage on the rows that no person has corrected.

    Args:
        spec: The stage.
    """

    def __init__(self, spec: StageSpec) -> None:
        self.stage: Stage = spec.build()

    def __call__(self, rows: list[Row]) -> list[Row]:
        """As many rows in the same order."""
        done = iter(self.stage([row for row in rows if not is_corrected(row)]))
        return [row if is_corrected(row) else next(done) for row in rows]


def around(stages: Sequence[StageSpec]) -> list[StageSpec]:
    """The same stages, which do not change corrected images."""
    return [
        StageSpec(Correct),
        *(replace(spec, factory=Uncorrected, settings={"spec": spec}) for spec in stages),
    ]


def _corrected(row: Row) -> Row:
    data = row[CORRECTION]["mask"]["bytes"]
    mask = decode_mask(data)
    shown = sorted({*np.unique(mask).tolist()} - {BACKGROUND, IGNORE})
    known = (mask != IGNORE).astype(np.float32)
    height, width = mask.shape
    small = reduced_size(height, width, CONFIDENCE_STRIDE)
    return {
        **row,
        "mask": {"bytes": data, "path": mask_path(row)},
        "classes": shown,
        "area": [float((mask == label).mean()) for label in shown],
        "confidence": [1.0] * len(shown),
        "mask_confidence": 1.0,
        "confidence_map": {"bytes": encode_map(resize_maps(known[None], small)[0]), "path": None},
        "source": SOURCE,
        "model": "",
        "kept": True,
        "reason": "",
    }
