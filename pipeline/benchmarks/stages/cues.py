"""Cues: SEC's seeds, the few certain pixels of an image (Kolesnikov & Lampert, ECCV 2016)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tag2mask.models.saliency.background_detection import LogitGradient
from tag2mask.models.saliency.cam import Cam
from tag2mask.pipeline.records import BACKGROUND, IGNORE, Row, encode_mask
from tag2mask.pipeline.records.mask_rows import as_tensor, mask_path, rgb
from tag2mask.pipeline.training.model_store import load_model

FOREGROUND = 0.2  # least share of a class map's maximum for a pixel of the class
BACKGROUND_SHARE = 0.1  # share of the pixels that are background, the least salient ones


class Cues:
    """A stage that makes masks of seeds: tags, background, and 255 for uncertain pixels.

    Args:
        tagger: URI of the tagger.
        size: Longer side to which images are resized, in pixels.
        device: The device of the networks; by default a GPU, if there is one.
    """

    def __init__(self, tagger: str, size: int, device: str | None = None) -> None:
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        model, card = load_model(tagger, "tagger")
        model = model.to(self.device)
        self.weights = card.weights
        self.cam, self.background = Cam(model, size=size), LogitGradient(model, size=size)

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Add ``mask``, ``classes``, ``source``, ``model``, ``kept`` and ``reason`` to rows."""
        return [self._cue(row) for row in rows]

    def _cue(self, row: Row) -> dict[str, Any]:
        image = as_tensor(rgb(row)).to(self.device)
        classes = torch.tensor(row["tags"], device=self.device) - 1
        maps = self.cam(image, classes).cpu().numpy()
        salient = self.background(image, classes[:1])[0].cpu().numpy()
        mask = make_seeds(maps, salient, np.array(row["tags"], np.uint8))
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


def make_seeds(maps: np.ndarray, salient: np.ndarray, tags: np.ndarray) -> np.ndarray:
    """Make the seeds of an image: small objects cover large ones, and both cover background.

    Args:
        maps: (T, H, W) class maps in [0, 1], each with the maximum one.
        salient: (H, W) class-agnostic saliency.
        tags: (T,) uint8 pixel values.

    Returns:
        (H, W) uint8, 255 for uncertain pixels.
    """
    mask = np.full(salient.shape, IGNORE, np.uint8)
    mask[salient <= np.quantile(salient, BACKGROUND_SHARE)] = BACKGROUND
    sure = maps > FOREGROUND
    for index in np.argsort(-sure.sum(axis=(1, 2)), kind="stable"):
        mask[sure[index]] = tags[index]
    return mask
