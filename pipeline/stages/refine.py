"""Refine: from saliency scores to a mask, with DenseCRF or without."""

from __future__ import annotations

from typing import Any

import numpy as np

from tag2mask.pipeline.records import Row, decode_map
from tag2mask.pipeline.records.mask_rows import encode_maps, resize_maps
from tag2mask.pipeline.stages.crf_refinement import CrfRefinement


def seed_probabilities(scores: np.ndarray, score_power: float = 1.0) -> np.ndarray:
    """Scores (T, H, W) in [0, 1] as probabilities (1 + T, H, W) of background and the tags.

    A class takes M ^ score_power, and background takes the rest, 1 - max_c M_c ^ score_power. The
    power 1 is the paper's choice for DCSM (Shimoda & Yanai, ECCV 2016). The maps of DCSM end in a
    tanh, which lifts all but the weakest places towards 1, so that half of every image would be
    object. A power above 1 undoes this and gives the CRF a clear unary term. Maps that fall off
    quickly, such as CAM's, need a power below 1.
    """
    claims = scores**score_power
    background = 1 - claims.max(axis=0, keepdims=True)
    probabilities = np.concatenate([background, claims]).astype(np.float32)
    probabilities /= np.maximum(probabilities.sum(axis=0, keepdims=True), 1e-6)
    return probabilities


def scored_probabilities(row: Row, size: tuple[int, int], score_power: float) -> np.ndarray:
    """The ``scores`` of a row as probabilities (1 + T, *size)."""
    scores = np.stack([decode_map(score) for score in row["scores"]])
    return seed_probabilities(resize_maps(scores, size), score_power)


class SeedMasks(CrfRefinement):
    """Masks of a round that comes before any segmenter: soft ``probabilities`` beside them."""

    def finish(
        self, row: Row, size: tuple[int, int], refined: np.ndarray, probabilities: np.ndarray
    ) -> Row:
        """The row with the columns of a mask and ``probabilities``."""
        done = super().finish(row, size, refined, probabilities)
        return {**done, "probabilities": encode_maps(refined, size)}


class Refine(SeedMasks):
    """Turns ``scores`` into a mask, its confidence and soft ``probabilities``.

    Args:
        score_power: See :func:`seed_probabilities`.
        settings: Settings of :class:`tag2mask.pipeline.stages.crf_refinement.CrfRefinement`.
    """

    def __init__(
        self,
        *,
        score_power: float,
        **settings: Any,  # noqa: ANN401 - the base class knows their types
    ) -> None:
        super().__init__(**settings)
        self.score_power = score_power

    def probabilities(self, image: np.ndarray, row: Row) -> np.ndarray:
        """Probabilities (1 + T, H, W) before the CRF, of background and the tags."""
        return scored_probabilities(row, image.shape[:2], self.score_power)
