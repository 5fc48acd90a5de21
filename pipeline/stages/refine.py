"""Refine: from saliency scores to a mask, with DenseCRF or without."""

from __future__ import annotations

import numpy as np

from tag2mask.models.crf import DEFAULT_CRF
from tag2mask.pipeline.records import Row, decode_map
from tag2mask.pipeline.records.mask_rows import encode_maps, resize_maps
from tag2mask.pipeline.stages.crf_refinement import Delineate


def seed_probabilities(scores: np.ndarray, score_power: float = 1.0) -> np.ndarray:
    """Scores (T, H, W) in [0, 1] as probabilities (1 + T, H, W) of background and the tags.

    A class takes M ^ score_power, background what no class claims, 1 - max_c M_c ^ score_power
    (with power 1 the paper's choice for DCSM, Shimoda & Yanai, ECCV 2016). The maps of
    DCSM end in a tanh that lifts all but the weakest places towards 1; a power above 1
    undoes it, or every image would be half object, and leaves the CRF a clear unary. Maps
    that fall off quickly, as CAM's, want a power below 1.
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


class SeedMasks(Delineate):
    """Masks of a round that comes before any segmenter: soft ``probabilities`` beside them."""

    def finished(self, row: Row, refined: np.ndarray, beliefs: np.ndarray) -> Row:
        """The row with the columns of a mask and ``probabilities``."""
        return {**super().finished(row, refined, beliefs), "probabilities": encode_maps(refined)}


class Refine(SeedMasks):
    """Turns ``scores`` into a mask, its confidence and soft ``probabilities``.

    Args:
        crf: One of :data:`tag2mask.models.crf.CRF_PRESETS`, or ``none``.
        score_power: See :func:`seed_probabilities`.
        crf_method: One of :data:`tag2mask.models.crf.CRFS`.
        ignore_below: Pixels of a lower confidence become 255.
    """

    def __init__(
        self, crf: str, score_power: float, crf_method: str = DEFAULT_CRF, ignore_below: float = 0.0
    ) -> None:
        super().__init__(crf, crf_method, ignore_below)
        self.score_power = score_power

    def believed(self, image: np.ndarray, row: Row) -> np.ndarray:
        """Probabilities (1 + T, H, W) before the CRF, of background and the tags."""
        return scored_probabilities(row, image.shape[:2], self.score_power)
