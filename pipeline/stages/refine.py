"""Refine: from saliency scores to a mask, with DenseCRF or without."""

from __future__ import annotations

import numpy as np

from models.crf import CRF_PRESETS, CRFS, Crf
from pipeline.records import Row, decode_map
from pipeline.stages.labels import encoded_maps, labelled, resized, rgb

NO_CRF = "none"
REFERENCE = "reference"


def build_crf(preset: str, method: str) -> Crf | None:
    """The DenseCRF of a preset by one of its implementations; None for ``none``."""
    return None if preset == NO_CRF else CRFS[method](CRF_PRESETS[preset])


def seed_probabilities(scores: np.ndarray, contrast: float = 1.0) -> np.ndarray:
    """Scores (T, H, W) in [0, 1] as probabilities (1 + T, H, W) of background and the tags.

    A class takes M ^ contrast, background what no class claims, 1 - max_c M_c ^ contrast
    (with contrast 1 the paper's choice for DCSM, Shimoda & Yanai, ECCV 2016). The maps of
    DCSM end in a tanh that lifts all but the weakest places towards 1; a contrast above 1
    undoes it, or every picture would be half object, and leaves the CRF a clear unary. Maps
    that fall off quickly, as CAM's, want a contrast below 1.
    """
    claims = scores**contrast
    background = 1 - claims.max(axis=0, keepdims=True)
    probabilities = np.concatenate([background, claims]).astype(np.float32)
    probabilities /= np.maximum(probabilities.sum(axis=0, keepdims=True), 1e-6)
    return probabilities


class Refine:
    """Turns ``scores`` into a mask, its confidence and soft ``probabilities``.

    Args:
        crf: One of :data:`models.crf.CRF_PRESETS`, or ``none``.
        contrast: See :func:`seed_probabilities`.
        crf_method: One of :data:`models.crf.CRFS`.
        ignore_below: Pixels of a lower confidence become 255.
    """

    def __init__(
        self, crf: str, contrast: float, crf_method: str = REFERENCE, ignore_below: float = 0.0
    ) -> None:
        self.crf = build_crf(crf, crf_method)
        self.contrast = contrast
        self.ignore_below = ignore_below

    def __call__(self, rows: list[Row]) -> list[Row]:
        """The whole batch goes to the CRF at once, for one that runs on a GPU."""
        images = [rgb(row) for row in rows]
        pairs = zip(images, rows, strict=True)
        beliefs = [self.believed(image, row) for image, row in pairs]
        refined = beliefs if self.crf is None else self.crf(images, beliefs)
        return [
            {
                **labelled(row, maps, before, ignore_below=self.ignore_below),
                "probabilities": encoded_maps(maps),
            }
            for row, maps, before in zip(rows, refined, beliefs, strict=True)
        ]

    def believed(self, image: np.ndarray, row: Row) -> np.ndarray:
        """Probabilities (1 + T, H, W) before the CRF, of background and the tags."""
        scores = np.stack([decode_map(score) for score in row["scores"]])
        return seed_probabilities(resized(scores, image.shape[:2]), self.contrast)
