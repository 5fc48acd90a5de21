"""Walk scores: a random walk of scores along learnt affinities (PSA, Ahn & Kwak, CVPR 2018)."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import interpolate

from tag2mask.models.saliency.scaling import scaled_to
from tag2mask.models.weak.affinity import WALK_LOG2_STEPS, random_walk
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.records.mask_rows import as_tensor, rgb
from tag2mask.pipeline.records.round_names import AFFINITY
from tag2mask.pipeline.stages.refine import SeedMasks, scored_probabilities
from tag2mask.pipeline.training.model_store import load_model

WALKED = "walked_scores"


class WalkScores:
    """Adds ``walked_scores`` (1 + T, h, w) float32: probabilities after a random walk.

    Background walks with the tags. A walk makes means of probabilities, so they sum to one again.

    Args:
        affinity: URI of the affinity network.
        size: Longer side to which images are scaled, in pixels.
        score_power: See :func:`tag2mask.pipeline.stages.refine.seed_probabilities`.
        walk_log2_steps: Binary logarithm of the number of steps.
        device: The device that it runs on; by default a GPU, if there is one.
    """

    def __init__(
        self,
        affinity: str,
        size: int,
        score_power: float,
        walk_log2_steps: int = WALK_LOG2_STEPS,
        device: str | None = None,
    ) -> None:
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        torch.set_flush_denormal(True)
        network, card = load_model(affinity, "affinity")
        self.network, self.weights = network.to(self.device), card.weights
        self.size = size
        self.score_power = score_power
        self.walk_log2_steps = walk_log2_steps

    def __call__(self, rows: list[Row]) -> list[Row]:
        """One image after another, as images have different sizes."""
        made = {"source": AFFINITY, "model": self.weights}
        return [{**row, WALKED: self._walked(row), **made} for row in rows]

    @torch.no_grad()
    def _walked(self, row: Row) -> np.ndarray:
        image = rgb(row)
        before = scored_probabilities(row, image.shape[:2], self.score_power)
        small = scaled_to(as_tensor(image).to(self.device), self.size)
        features = self.network(small)[0]
        after = random_walk(
            features, torch.from_numpy(before).to(self.device), self.walk_log2_steps
        )
        return after.cpu().numpy()


class RefineWalkedScores(SeedMasks):
    """Turns ``walked_scores`` into a mask, as ``Refine`` does with scores."""

    def probabilities(self, image: np.ndarray, row: Row) -> np.ndarray:
        """Probabilities (1 + T, H, W) before the CRF, of background and the tags."""
        maps = torch.from_numpy(row[WALKED])[None]
        return interpolate(maps, image.shape[:2], mode="bilinear")[0].numpy()

    def finish(
        self, row: Row, size: tuple[int, int], refined: np.ndarray, probabilities: np.ndarray
    ) -> Row:
        """The row with the columns of a seed mask, and without the walked scores."""
        done = super().finish(row, size, refined, probabilities)
        del done[WALKED]
        return done
