"""Propagate: scores spread along learnt affinities before the CRF (PSA, Ahn & Kwak, 2018)."""

from __future__ import annotations

import numpy as np
import torch

from models.saliency.scaling import scaled_to
from models.weak.affinity import DOUBLINGS, walked
from pipeline.records import Row
from pipeline.stages.labels import as_tensor
from pipeline.stages.refine import REFERENCE, Refine
from pipeline.training.model_store import load_model

AFFINITY = "affinity"  # the round, its model, and the source that its rows name


class Propagate(Refine):
    """Refines ``scores`` as :class:`Refine` does, with a random walk before the CRF.

    Background walks with the tags: what comes out of a walk are means of probabilities, and
    sums to one again.

    Args:
        affinity: URI of the affinity network.
        size: Longer side at which it sees a picture, in pixels.
        crf: One of :data:`models.crf.CRF_PRESETS`, or ``none``.
        contrast: See :func:`pipeline.stages.refine.seed_probabilities`.
        crf_method: One of :data:`models.crf.CRFS`.
        doublings: A walk makes 2 ** doublings steps.
        device: Where the network runs; by default a GPU where there is one.
    """

    def __init__(
        self,
        affinity: str,
        size: int,
        crf: str,
        contrast: float,
        crf_method: str = REFERENCE,
        doublings: int = DOUBLINGS,
        device: str | None = None,
    ) -> None:
        super().__init__(crf, contrast, crf_method)
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        torch.set_flush_denormal(True)
        network, card = load_model(affinity, "affinity")
        self.network, self.weights = network.to(self.device), card.weights
        self.size = size
        self.doublings = doublings

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Rows with the columns of a refined round, made by the affinity network."""
        made = {"source": AFFINITY, "model": self.weights}
        return [{**row, **made} for row in super().__call__(rows)]

    @torch.no_grad()
    def believed(self, image: np.ndarray, row: Row) -> np.ndarray:
        """Probabilities (1 + T, H, W) after the walk, of background and the tags."""
        before = torch.from_numpy(super().believed(image, row)).to(self.device)
        small = scaled_to(as_tensor(image).to(self.device), self.size)
        features = self.network(small)[0]
        return walked(features, before, self.doublings).cpu().numpy()
