"""Score: one saliency map for each tag of an image."""

from __future__ import annotations

from typing import Any

import torch

from tag2mask.models.saliency.loading import build_scorer
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.records.mask_rows import as_tensor, encode_maps, rgb
from tag2mask.pipeline.training.model_store import load_model


class Score:
    """Adds ``scores``: one map for each tag, in the tags' order.

    Args:
        scorer: One of :data:`tag2mask.models.saliency.SCORERS`, or the path of an own one.
        tagger: URI of the tagger; empty for scorers that need none.
        settings: Settings of the scorer.
        device: The device that it runs on; by default a GPU, if there is one.
    """

    def __init__(
        self, scorer: str, tagger: str, settings: dict[str, Any], device: str | None = None
    ) -> None:
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        # Guided gradients get tiny, and processors are slow on numbers below the normal range.
        torch.set_flush_denormal(True)
        model, self.weights = None, ""
        names: tuple[str, ...] = ()
        if tagger:
            model, card = load_model(tagger, "tagger")
            model, self.weights = model.to(self.device), card.weights
            names = card.classes.names
        self.scorer = build_scorer(scorer, model, names, settings)
        self.source = scorer

    def __call__(self, rows: list[Row]) -> list[Row]:
        """One image after another: a row's maps must not depend on its batch."""
        return [self._score(row) for row in rows]

    def _score(self, row: Row) -> Row:
        image = as_tensor(rgb(row)).to(self.device)
        classes = torch.tensor(row["tags"], device=self.device) - 1
        maps = self.scorer(image, classes).cpu().numpy()
        return {
            **row,
            "scores": encode_maps(maps),
            "source": self.source,
            "model": self.weights,
        }
