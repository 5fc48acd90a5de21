"""Cues: the few pixels of an image about which SEC is sure (Kolesnikov & Lampert, 2016)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tag2mask.models.saliency.background_detection import LogitGradient
from tag2mask.models.saliency.cam import Cam
from tag2mask.pipeline.records import BACKGROUND, IGNORE, Row, encode_mask
from tag2mask.pipeline.records.mask_rows import as_tensor, mask_path, rgb
from tag2mask.pipeline.training.model_store import load_model

FOREGROUND = 0.2  # share of a class map's maximum above which a pixel is the class
BACKGROUND_SHARE = 0.1  # of the pixels, the least salient ones


class Cues:
    """Gives images masks of seeds: tags, background, and 255 wherever nothing is sure.

    Args:
        tagger: URI of the tagger.
        size: Longer side at which images are scored, in pixels.
        device: Where it runs; by default a GPU where there is one.
    """

    def __init__(self, tagger: str, size: int, device: str | None = None) -> None:
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        model, card = load_model(tagger, "tagger")
        model = model.to(self.device)
        self.weights = card.weights
        self.cam, self.background = Cam(model, size=size), LogitGradient(model, size=size)

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Rows with ``mask``, ``classes``, ``source`` and ``kept``."""
        return [self._cue(row) for row in rows]

    def _cue(self, row: Row) -> dict[str, Any]:
        image = as_tensor(rgb(row)).to(self.device)
        classes = torch.tensor(row["tags"], device=self.device) - 1
        maps = self.cam(image, classes).cpu().numpy()
        salient = self.background(image, classes[:1])[0].cpu().numpy()
        mask = seeds(maps, salient, np.array(row["tags"], np.uint8))
        shown = sorted({*np.unique(mask).tolist()} - {BACKGROUND, IGNORE})
        return {
            **row,
            "mask": {"bytes": encode_mask(mask), "path": mask_path(row)},
            "classes": shown,
            "source": "cues",
            "model": self.weights,
            "kept": True,
            "reason": "",
        }


def seeds(maps: np.ndarray, salient: np.ndarray, tags: np.ndarray) -> np.ndarray:
    """Seeds of an image: small objects lie over large ones, and both over background.

    Args:
        maps: (T, H, W) in [0, 1], each class's maximum one.
        salient: (H, W) class-agnostic saliency.
        tags: (T,) uint8 pixel values.

    Returns:
        (H, W) uint8, 255 where nothing is sure.
    """
    mask = np.full(salient.shape, IGNORE, np.uint8)
    mask[salient <= np.quantile(salient, BACKGROUND_SHARE)] = BACKGROUND
    sure = maps > FOREGROUND
    for index in np.argsort(-sure.sum(axis=(1, 2)), kind="stable"):
        mask[sure[index]] = tags[index]
    return mask
