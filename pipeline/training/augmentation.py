"""Random scale, crop and flip, drawn once and applied alike to an image and its labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from tag2mask.pipeline.training.elastic import Bend, random_bend

# Images are padded with a middle gray, which every backbone's normalization takes near zero.
PADDING = 127


class View(NamedTuple):
    """One random view of an image.

    Args:
        width: Width of the whole image after scaling, in pixels.
        height: Its height.
        left: Where the crop begins in the scaled image; negative pads on the left.
        top: The same for the rows.
        crop: Side of the square crop.
        flip: Whether left and right are exchanged.
        bend: How the crop is deformed; None leaves it as it is.
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
            resample: ``NEAREST`` for labels, lest classes be mixed.
            fill: What stands outside of the image.
        """
        # A mask is scaled by its indices: as palette colors they would be interpolated.
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
    """Where crop and image overlap along one axis: in the image, and in the crop."""
    first, last = max(0, start), min(extent, start + crop)
    return slice(first, last), slice(first - start, last - start)


def random_view(
    width: int, height: int, crop: int, scale: tuple[float, float], rng: np.random.Generator
) -> View:
    """Draws a view.

    Args:
        width: Of the image, in pixels.
        height: Of the image.
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
    """Draws a view as :func:`random_view` does, and bends it."""
    return random_view(width, height, crop, scale, rng)._replace(bend=random_bend(rng))


def whole_view(
    width: int, height: int, crop: int, scale: tuple[float, float], rng: np.random.Generator
) -> View:
    """The whole image, squeezed into the crop and flipped at random.

    For losses over an image's tags: what has a tag may lie outside of a crop, and a class that
    must be somewhere may be put into a crop's padding. (SEC, Kolesnikov & Lampert, ECCV 2016,
    squeezes its images likewise.)
    """
    del width, height, scale
    return View(crop, crop, 0, 0, crop, bool(rng.integers(2)))
