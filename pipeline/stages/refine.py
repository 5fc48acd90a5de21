"""Refine: from saliency scores to a mask, with DenseCRF or without."""

from __future__ import annotations

import numpy as np

from models.crf import CRF_PRESETS, dense_crf
from pipeline.records import Row, decode_map
from pipeline.stages.labels import encoded_maps, labelled, resized, rgb

NO_CRF = "none"


def seed_probabilities(scores: np.ndarray, background_power: float = 1.0) -> np.ndarray:
    """Scores (T, H, W) in [0, 1] as probabilities (1 + T, H, W) of background and the tags.

    Background is what no class claims, (1 - max_c M_c) ^ power: the paper's choice for
    DCSM with power 1 (Shimoda & Yanai, ECCV 2016); a higher power favours objects (Ahn &
    Kwak, CVPR 2018, section 3.1).
    """
    background = (1 - scores.max(axis=0, keepdims=True)) ** background_power
    probabilities = np.concatenate([background, scores]).astype(np.float32)
    probabilities /= np.maximum(probabilities.sum(axis=0, keepdims=True), 1e-6)
    return probabilities


class Refine:
    """Turns ``scores`` into a mask, its confidence and soft ``probabilities``.

    Args:
        crf: One of :data:`models.crf.CRF_PRESETS`, or ``none``.
        background_power: See :func:`seed_probabilities`.
        ignore_below: Pixels whose highest probability is lower become 255.
    """

    def __init__(self, crf: str, background_power: float, ignore_below: float = 0.0) -> None:
        self.crf = None if crf == NO_CRF else CRF_PRESETS[crf]
        self.background_power = background_power
        self.ignore_below = ignore_below

    def __call__(self, rows: list[Row]) -> list[Row]:
        """One picture after another."""
        return [self._refine(row) for row in rows]

    def _refine(self, row: Row) -> Row:
        image = rgb(row)
        scores = np.stack([decode_map(score) for score in row["scores"]])
        scores = resized(scores, image.shape[:2])
        probabilities = seed_probabilities(scores, self.background_power)
        if self.crf is not None:
            probabilities = dense_crf(image, probabilities, self.crf)
        return {
            **labelled(row, probabilities, ignore_below=self.ignore_below),
            "probabilities": encoded_maps(probabilities),
        }
