"""CRF refinement: from a model's probabilities to a mask that follows the image's edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from tag2mask.models.crf import CRF_PRESETS, CRFS, DEFAULT_CRF, Crf
from tag2mask.models.mask_cleaning import clean_labels
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.records.mask_rows import bounded_size, make_mask_row, rgb
from tag2mask.pipeline.stages.mask_settings import MaskSettings

NO_CRF = "none"


def build_crf(preset: str, method: str) -> Crf | None:
    """The DenseCRF of a preset by one of its implementations; None for ``none``."""
    return None if preset == NO_CRF else CRFS[method](CRF_PRESETS[preset])


class CrfRefinement:
    """Turns probabilities into a mask and its confidence, with DenseCRF or without.

    It is a stage of its own, so that the GPU of the network before it need not wait for the
    CRF, which runs on processors.

    A large image is made smaller first: the CRF's parameters are in pixels of small images, so a
    photograph of a camera would cost a hundred times the time for a worse mask
    (docs/experiments/masks.md).

    Args:
        crf: One of :data:`tag2mask.models.crf.CRF_PRESETS`, or ``none``.
        crf_method: One of :data:`tag2mask.models.crf.CRFS`.
        ignore_below: Pixels of a lower confidence become 255.
        masks: Values of :class:`tag2mask.pipeline.stages.mask_settings.MaskSettings`.
    """

    def __init__(
        self,
        crf: str,
        crf_method: str = DEFAULT_CRF,
        ignore_below: float = 0.0,
        masks: Mapping[str, Any] | None = None,
    ) -> None:
        self.crf = build_crf(crf, crf_method)
        self.ignore_below = ignore_below
        self.masks = MaskSettings.model_validate(masks or {})

    def __call__(self, rows: list[Row]) -> list[Row]:
        """The rows with masks; the CRF gets the whole batch at once, as a GPU needs it."""
        originals = [rgb(row) for row in rows]
        images = [bounded_image(image, self.masks.max_side) for image in originals]
        sizes = [image.shape[:2] for image in originals]
        before = [self.probabilities(image, row) for image, row in zip(images, rows, strict=True)]
        refined = self.refine(images, before)
        return [self.finish(*each) for each in zip(rows, sizes, refined, before, strict=True)]

    def probabilities(self, image: np.ndarray, row: Row) -> np.ndarray:
        """Probabilities (1 + T, h, w) before the CRF, of background and the tags.

        Args:
            image: (h, w, 3) uint8 RGB, at most ``max_side`` pixels long.
            row: The image's row.
        """
        raise NotImplementedError

    def refine(
        self, images: Sequence[np.ndarray], probabilities: Sequence[np.ndarray]
    ) -> Sequence[np.ndarray]:
        """Probabilities (1 + T, H, W) of some images along their edges, by the CRF if any."""
        return probabilities if self.crf is None else self.crf(images, probabilities)

    def finish(
        self, row: Row, size: tuple[int, int], refined: np.ndarray, probabilities: np.ndarray
    ) -> Row:
        """The row with the columns of a mask.

        Args:
            row: The image's row.
            size: (H, W) of the image.
            refined: (1 + T, h, w) after the CRF.
            probabilities: (1 + T, h, w) before it.
        """
        chosen = clean_labels(refined.argmax(axis=0), self.masks.min_component, self.masks.min_hole)
        return make_mask_row(row, size, chosen, probabilities, ignore_below=self.ignore_below)


def bounded_image(image: np.ndarray, max_side: int) -> np.ndarray:
    """An image (H, W, 3) uint8 RGB, made smaller if its longer side exceeds ``max_side``."""
    height, width = bounded_size(image.shape[0], image.shape[1], max_side)
    if (height, width) == image.shape[:2]:
        return image
    small = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return np.array(small)
