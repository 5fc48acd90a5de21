"""Prediction of tags by the tagger, for images with unknown tags."""

from __future__ import annotations

import torch
from torch.nn.functional import interpolate

from tag2mask.pipeline.records import Row
from tag2mask.pipeline.records.mask_rows import as_tensor, rgb
from tag2mask.pipeline.training.model_store import load_model

PRESENCE = 0.5


class PredictTags:
    """A stage that replaces the tags by the probable classes, at least the most probable one.

    Args:
        tagger: URI of the tagger.
        size: Longer side to which images are scaled, in pixels.
        device: The device that it runs on; by default a GPU, if there is one.
    """

    def __init__(self, tagger: str, size: int, device: str | None = None) -> None:
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        model, _ = load_model(tagger, "tagger")
        self.tagger = model.to(self.device)
        self.size = size

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Replace ``tags`` in rows."""
        return [{**row, "tags": self._tags(row)} for row in rows]

    @torch.no_grad()
    def _tags(self, row: Row) -> list[int]:
        image = as_tensor(rgb(row)).to(self.device)
        factor = self.size / max(image.shape[1:])
        sides = [max(1, round(extent * factor)) for extent in image.shape[1:]]
        scaled = interpolate(image[None], sides, mode="bilinear", antialias=True)
        found = self.tagger(scaled).logits[0].sigmoid()
        seen = (found > PRESENCE).nonzero().flatten().tolist() or [int(found.argmax())]
        return [channel + 1 for channel in seen]
