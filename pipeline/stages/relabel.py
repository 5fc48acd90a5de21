"""Relabel: the mask of a segmenter's logits, among background and the tags."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import interpolate

from tag2mask.pipeline.records import Row
from tag2mask.pipeline.stages.crf_refinement import CrfRefinement
from tag2mask.pipeline.stages.segment import LOGITS


class Relabel(CrfRefinement):
    """Turns ``logits`` (1 + T, h, w) into a mask and its confidence.

    The softmax runs over background and the tags alone, so an absent class takes no pixel.

    Args:
        settings: Settings of :class:`tag2mask.pipeline.stages.crf_refinement.CrfRefinement`.
    """

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - the base class knows their types
        super().__init__(**settings)
        # As where the logits are made, which may be in another process.
        torch.set_flush_denormal(True)

    def probabilities(self, image: np.ndarray, row: Row) -> np.ndarray:
        """Probabilities (1 + T, H, W) before the CRF, of background and the tags."""
        logits = torch.from_numpy(row[LOGITS])[None]
        full = interpolate(logits, image.shape[:2], mode="bilinear")[0]
        return full.softmax(dim=0).numpy()

    def finish(
        self, row: Row, size: tuple[int, int], refined: np.ndarray, probabilities: np.ndarray
    ) -> Row:
        """The row with the columns of a mask, and without its logits."""
        done = super().finish(row, size, refined, probabilities)
        del done[LOGITS]
        return done
