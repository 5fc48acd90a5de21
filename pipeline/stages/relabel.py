"""Relabel: what a segmenter says, restricted to the tags of the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from models.segmentation import Segmenter
from pipeline.records import BACKGROUND, Row
from pipeline.stages.labels import as_tensor, labelled, rgb
from pipeline.stages.refine import REFERENCE, build_crf
from pipeline.training.model_store import load_model


@torch.no_grad()
def predict_logits(
    segmenter: Segmenter, image: Tensor, size: int, scales: Sequence[float]
) -> Tensor:
    """Logits averaged over scales and both directions of one picture.

    Args:
        segmenter: In evaluation mode.
        image: (3, H, W) RGB in [0, 255].
        size: Longer side to which the picture is brought, in pixels.
        scales: Sizes relative to ``size``.

    Returns:
        (K, h, w) at the model's stride for scale 1.
    """
    total: Tensor | None = None
    for scale in scales:
        factor = scale * size / max(image.shape[1:])
        extent = tuple(max(1, round(side * factor)) for side in image.shape[1:])
        scaled = interpolate(image[None], extent, mode="bilinear", antialias=True)
        both = torch.cat([scaled, scaled.flip(3)])
        plain, flipped = segmenter(both.contiguous(memory_format=torch.channels_last))
        logits = (plain + flipped.flip(2))[None] / (2 * len(scales))
        if total is None:
            total = logits
        else:
            total += interpolate(logits, total.shape[2:], mode="bilinear")
    if total is None:
        raise ValueError("at least one scale is needed")
    return total[0]


class Relabel:
    """Gives every picture the mask that a segmenter sees among its tags and background.

    Args:
        segmenter: URI of the model.
        source: The round's name, written into the rows.
        size: Longer side at which pictures are segmented, in pixels.
        scales: Sizes relative to it whose logits are averaged.
        crf: One of :data:`models.crf.CRF_PRESETS`, or ``none``.
        crf_method: One of :data:`models.crf.CRFS`.
        ignore_below: Pixels of a lower confidence become 255.
        device: Where it runs; by default a GPU where there is one.
    """

    def __init__(
        self,
        segmenter: str,
        source: str,
        size: int,
        scales: Sequence[float],
        crf: str,
        crf_method: str = REFERENCE,
        ignore_below: float = 0.0,
        device: str | None = None,
    ) -> None:
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        torch.set_flush_denormal(True)
        model, card = load_model(segmenter, "segmenter")
        self.segmenter, self.weights = model.to(self.device), card.weights
        self.source = source
        self.size = size
        self.scales = tuple(scales)
        self.crf = build_crf(crf, crf_method)
        self.ignore_below = ignore_below

    def __call__(self, rows: list[Row]) -> list[Row]:
        """One picture after another: a row's mask must not depend on its batch."""
        images = [rgb(row) for row in rows]
        pairs = zip(images, rows, strict=True)
        beliefs = [self.believed(image, row) for image, row in pairs]
        refined = self.refined(images, beliefs)
        return [
            {
                **labelled(row, maps, before, ignore_below=self.ignore_below),
                "source": self.source,
                "model": self.weights,
            }
            for row, maps, before in zip(rows, refined, beliefs, strict=True)
        ]

    def logits(self, image: np.ndarray) -> Tensor:
        """(K, h, w) of a picture (H, W, 3) uint8."""
        pixels = as_tensor(image).to(self.device)
        return predict_logits(self.segmenter, pixels, self.size, self.scales)

    def refined(
        self, images: Sequence[np.ndarray], beliefs: Sequence[np.ndarray]
    ) -> Sequence[np.ndarray]:
        """Probabilities (1 + T, H, W) of some pictures along their edges, by the CRF if any."""
        return beliefs if self.crf is None else self.crf(images, beliefs)

    def believed(self, image: np.ndarray, row: Row) -> np.ndarray:
        """Probabilities (1 + T, H, W) before that, of background and the tags."""
        logits = self.logits(image)
        # The softmax runs over background and the tags alone: an absent class takes nothing.
        allowed = logits[[BACKGROUND, *row["tags"]]]
        full = interpolate(allowed[None], image.shape[:2], mode="bilinear")[0]
        return full.softmax(dim=0).cpu().numpy()
