"""Walk logits: a random walk of a segmenter's probabilities along learnt affinities."""

from __future__ import annotations

import numpy as np
import torch

from tag2mask.models.saliency.scaling import scaled_to
from tag2mask.models.weak.affinity import random_walk
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.records.mask_rows import as_tensor, rgb
from tag2mask.pipeline.stages.segment import LOGITS
from tag2mask.pipeline.training.model_store import load_model

SMALLEST = 1e-6  # probability whose logarithm is taken


class WalkLogits:
    """Replaces ``logits`` by the logarithms of their probabilities after a random walk.

    The walk is that of the seeds (PSA, Ahn & Kwak, CVPR 2018), but shorter: a segmenter finds the
    objects, and only its borders are too coarse.

    Args:
        affinity: URI of the affinity network.
        size: Longer side to which images are scaled, in pixels.
        walk_log2_steps: Binary logarithm of the number of steps.
        device: The device that it runs on; by default a GPU, if there is one.
    """

    def __init__(
        self, affinity: str, size: int, walk_log2_steps: int, device: str | None = None
    ) -> None:
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        torch.set_flush_denormal(True)
        self.network = load_model(affinity, "affinity")[0].to(self.device)
        self.size = size
        self.walk_log2_steps = walk_log2_steps

    def __call__(self, rows: list[Row]) -> list[Row]:
        """One image after another, as images have different sizes."""
        return [{**row, LOGITS: self._walked(row)} for row in rows]

    @torch.no_grad()
    def _walked(self, row: Row) -> np.ndarray:
        """(1 + T, h, w) float32 at the stride of the affinities."""
        small = scaled_to(as_tensor(rgb(row)).to(self.device), self.size)
        before = torch.from_numpy(row[LOGITS]).to(self.device).softmax(dim=0)
        after = random_walk(self.network(small)[0], before, self.walk_log2_steps)
        return after.clamp(min=SMALLEST).log().cpu().numpy()
