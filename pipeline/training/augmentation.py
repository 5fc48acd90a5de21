"""Random scale, crop and flip, drawn once for an image and its labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from tag2mask.pipeline.training.elastic import Bend, random_bend

# Images are padded with a middle gray, which every backbone's normalization maps near zero.
PADDING = 127


class View(NamedTuple):
    """One random view of an image.

    Args:
        width: Width of the whole image after scaling, in pixels.
        height: Height of the whole image after scaling, in pixels.
        left: First column of the crop in the scaled image; negative pads on the left.
        top: First row of the crop in the scaled image; negative pads at the top.
        crop: Side of the square crop, in pixels.
        flip: Whether left and right are exchanged.
        bend: The deformation of the crop; None for none.
    """

    width: int
    height: int
    left: int
    top: int
    crop: int
    flip: bool
    bend: Bend | None = None

    def of(self, image: Image.Image, resample: Image.Resampling, fill: int) -> np.ndarray:
        """The view of an image or map: (crop, crop) or (crop, crop, 3) uint8.

        Args:
            image: Any size of the same aspect; modes ``RGB``, ``L`` or ``P`` (whose
                indices are kept).
            resample: ``NEAREST`` for labels, so that classes are not mixed.
            fill: The value outside of the image.
        """
        # A mask is scaled by its indices, because palette colors would be interpolated.
        values = Image.fromarray(np.asarray(image)) if image.mode == "P" else image
        scaled = np.asarray(values.resize((self.width, self.height), resample))
        if self.flip:
            scaled = scaled[:, ::-1]
        view = np.full((self.crop, self.crop, *scaled.shape[2:]), fill, np.uint8)
        rows, columns = (
            _overlap(self.top, self.crop, self.height),
            _overlap(self.left, self.crop, self.width),
        )
        view[rows[1], columns[1]] = scaled[rows[0], columns[0]]
        return view if self.bend is None else self.bend(view, resample, fill)


def _overlap(start: int, crop: int, extent: int) -> tuple[slice, slice]:
    """The overlap of crop and image along one axis: in the image, and in the crop."""
    first, last = max(0, start), min(extent, start + crop)
    return slice(first, last), slice(first - start, last - start)


def random_view(
    width: int, height: int, crop: int, scale: tuple[float, float], rng: np.random.Generator
) -> View:
    """Draws a view.

    Args:
        width: Width of the image, in pixels.
        height: Height of the image, in pixels.
        crop: Side of the crop, in pixels.
        scale: Range of the scaled image's longer side, relative to the crop.
        rng: The source of randomness.
    """
    factor = crop * rng.uniform(*scale) / max(width, height)
    width, height = max(1, round(width * factor)), max(1, round(height * factor))
    left, top = (
        int(rng.integers(min(0, extent - crop), max(0, extent - crop) + 1))
        for extent in (width, height)
    )
    return View(width, height, left, top, crop, bool(rng.integers(2)))


def elastic_view(
    width: int, height: int, crop: int, scale: tuple[float, float], rng: np.random.Generator
) -> View:
    """Draws a view as :func:`random_view` does, with an elastic deformation."""
    return random_view(width, height, crop, scale, rng)._replace(bend=random_bend(rng))


def whole_view(
    width: int, height: int, crop: int, scale: tuple[float, float], rng: np.random.Generator
) -> View:
    """The whole image, squeezed into the crop and flipped at random.

    It serves losses over an image's tags. A tagged object may lie outside of a crop, and such a
    loss would find its class in the crop's padding. SEC (Kolesnikov & Lampert, ECCV 2016) also
    squeezes its images.
    """
    del width, height, scale
    return View(crop, crop, 0, 0, crop, bool(rng.integers(2)))
