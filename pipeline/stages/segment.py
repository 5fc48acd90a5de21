"""Segment: a segmenter's logits for background and the tags of an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from tag2mask.models.segmentation import Segmenter
from tag2mask.pipeline.records import BACKGROUND, Row
from tag2mask.pipeline.records.mask_rows import as_tensor, rgb
from tag2mask.pipeline.training.model_store import load_model

LOGITS = "logits"


def predict_logits(
    segmenter: Segmenter, image: Tensor, size: int, scales: Sequence[float]
) -> Tensor:
    """Logits averaged over scales and both directions of one image.

    Args:
        segmenter: In evaluation mode.
        image: (3, H, W) RGB in [0, 255].
        size: Longer side to which the image is brought, in pixels.
        scales: Sizes relative to ``size``.

    Returns:
        (K, h, w) at the model's stride for scale 1.
    """
    return predict_batch(segmenter, image[None], size, scales)[0]


@torch.no_grad()
def predict_batch(
    segmenter: Segmenter, images: Tensor, size: int, scales: Sequence[float]
) -> Tensor:
    """The logits of :func:`predict_logits` for images of one size at once.

    Args:
        segmenter: In evaluation mode.
        images: (N, 3, H, W) RGB in [0, 255].
        size: Longer side to which the images are brought, in pixels.
        scales: Sizes relative to ``size``.

    Returns:
        (N, K, h, w) at the model's stride for scale 1.
    """
    total: Tensor | None = None
    for scale in scales:
        factor = scale * size / max(images.shape[2:])
        extent = tuple(max(1, round(side * factor)) for side in images.shape[2:])
        scaled = interpolate(images, extent, mode="bilinear", antialias=True)
        both = torch.cat([scaled, scaled.flip(3)])
        result = segmenter(both.contiguous(memory_format=torch.channels_last))
        plain, flipped = result.split(len(images))
        logits = (plain + flipped.flip(3)) / (2 * len(scales))
        if total is None:
            total = logits
        else:
            total += interpolate(logits, total.shape[2:], mode="bilinear")
    if total is None:
        raise ValueError("at least one scale is needed")
    return total


class Segment:
    """Adds ``logits`` (1 + T, h, w) float32 of background and the tags, at the model's stride.

    Args:
        segmenter: URI of the model.
        source: The round's name, written into the rows.
        size: Longer side at which images are segmented, in pixels.
        scales: Sizes relative to it whose logits are averaged.
        device: The device that it runs on; by default a GPU, if there is one.
    """

    def __init__(
        self,
        segmenter: str,
        source: str,
        size: int,
        scales: Sequence[float],
        device: str | None = None,
    ) -> None:
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        torch.set_flush_denormal(True)
        model, card = load_model(segmenter, "segmenter")
        self.segmenter, self.weights = model.to(self.device), card.weights
        self.source = source
        self.size = size
        self.scales = tuple(scales)

    def __call__(self, rows: list[Row]) -> list[Row]:
        """One image after another: a row's mask must not depend on its batch."""
        made = {"source": self.source, "model": self.weights}
        return [{**row, LOGITS: self._allowed(row), **made} for row in rows]

    def logits(self, image: np.ndarray) -> Tensor:
        """(K, h, w) of an image (H, W, 3) uint8."""
        pixels = as_tensor(image).to(self.device)
        return predict_logits(self.segmenter, pixels, self.size, self.scales)

    def _allowed(self, row: Row) -> np.ndarray:
        allowed: np.ndarray = self.logits(rgb(row))[[BACKGROUND, *row["tags"]]].cpu().numpy()
        return allowed
