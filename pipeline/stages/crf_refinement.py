"""CRF refinement: from a model's probabilities to a mask that follows the image's edges."""

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


class CrfRefinement:
    """Turns probabilities into a mask and its confidence, with DenseCRF or without.

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
        """The rows with masks; the CRF gets the whole batch at once, as a GPU needs it."""
        images = [rgb(row) for row in rows]
        before = [self.probabilities(image, row) for image, row in zip(images, rows, strict=True)]
        refined = self.refine(images, before)
        return [self.finish(*each) for each in zip(rows, refined, before, strict=True)]

    def probabilities(self, image: np.ndarray, row: Row) -> np.ndarray:
        """Probabilities (1 + T, H, W) before the CRF, of background and the tags."""
        raise NotImplementedError

    def refine(
        self, images: Sequence[np.ndarray], probabilities: Sequence[np.ndarray]
    ) -> Sequence[np.ndarray]:
        """Probabilities (1 + T, H, W) of some images along their edges, by the CRF if any."""
        return probabilities if self.crf is None else self.crf(images, probabilities)

    def finish(self, row: Row, refined: np.ndarray, probabilities: np.ndarray) -> Row:
        """The row with the columns of a mask.

        See :func:`tag2mask.pipeline.records.mask_rows.make_mask_row`.
        """
        return make_mask_row(row, refined, probabilities, ignore_below=self.ignore_below)
