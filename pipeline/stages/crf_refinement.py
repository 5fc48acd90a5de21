"""Delineate: from what a model believes of the pixels to a mask along the image's edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tag2mask.models.crf import CRF_PRESETS, CRFS, DEFAULT_CRF, Crf
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.records.mask_rows import make_mask_row, rgb

NO_CRF = "none"


def build_crf(preset: str, method: str) -> Crf | None:
    """The DenseCRF of a preset by one of its implementations; None for ``none``."""
    return None if preset == NO_CRF else CRFS[method](CRF_PRESETS[preset])


class Delineate:
    """Turns beliefs into a mask and its confidence, with DenseCRF or without.

    It is a stage of its own, so that the GPU of the network before it need not wait for the
    CRF, which runs on processors.

    Args:
        crf: One of :data:`tag2mask.models.crf.CRF_PRESETS`, or ``none``.
        crf_method: One of :data:`tag2mask.models.crf.CRFS`.
        ignore_below: Pixels of a lower confidence become 255.
    """

    def __init__(self, crf: str, crf_method: str = DEFAULT_CRF, ignore_below: float = 0.0) -> None:
        self.crf = build_crf(crf, crf_method)
        self.ignore_below = ignore_below

    def __call__(self, rows: list[Row]) -> list[Row]:
        """The whole batch goes to the CRF at once, for one that runs on a GPU."""
        images = [rgb(row) for row in rows]
        beliefs = [self.believed(image, row) for image, row in zip(images, rows, strict=True)]
        refined = self.refined(images, beliefs)
        return [self.finished(*each) for each in zip(rows, refined, beliefs, strict=True)]

    def believed(self, image: np.ndarray, row: Row) -> np.ndarray:
        """Probabilities (1 + T, H, W) before the CRF, of background and the tags."""
        raise NotImplementedError

    def refined(
        self, images: Sequence[np.ndarray], beliefs: Sequence[np.ndarray]
    ) -> Sequence[np.ndarray]:
        """Probabilities (1 + T, H, W) of some images along their edges, by the CRF if any."""
        return beliefs if self.crf is None else self.crf(images, beliefs)

    def finished(self, row: Row, refined: np.ndarray, beliefs: np.ndarray) -> Row:
        """The row with the columns of a mask.

        See :func:`tag2mask.pipeline.records.mask_rows.make_mask_row`.
        """
        return make_mask_row(row, refined, beliefs, ignore_below=self.ignore_below)
