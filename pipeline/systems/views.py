"""Views: squares of one size from an image and its mask, as inputs of a system."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torchvision.transforms.v2.functional import InterpolationMode, resize

from tag2mask.pipeline.records import BACKGROUND, IGNORE

# Image (3, S, S) and mask (S, S), both uint8; None for an image without an object.
Square = tuple[Tensor, Tensor] | None
View = Callable[[Tensor, Tensor, int, np.random.Generator], Square]

# Shorter side of a crop relative to the image's shorter side.
CROP = (0.8, 1.0)
# Smallest area of an object, as a share of its image.
OBJECT_SHARE = 0.02
# White margin around a cut-out, relative to its longer side.
MARGIN = 0.08
# Range of the side of a square around an object, relative to the object's longer side.
AROUND = (1.0, 1.3)


def image_view(image: Tensor, mask: Tensor, size: int, rng: np.random.Generator) -> Square:
    """A random square of an image, flipped half of the time.

    Args:
        image: (3, H, W) uint8.
        mask: (H, W) uint8.
        size: Side S of the square.
        rng: Draws place, size and flip.
    """
    height, width = mask.shape
    side = max(1, round(min(height, width) * rng.uniform(*CROP)))
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    place = (..., slice(top, top + side), slice(left, left + side))
    return _flipped(_resized(image[place], mask[place], size), rng)


def cutout_view(image: Tensor, mask: Tensor, size: int, rng: np.random.Generator) -> Square:
    """One object, filling a white square; its mask holds this object alone.

    The object is the largest connected piece of a random class in the mask.

    Args:
        image: (3, H, W) uint8.
        mask: (H, W) uint8.
        size: Side S of the square.
        rng: Draws the class and the flip.
    """
    found = _largest_piece(mask, rng)
    if found is None:
        return None
    chosen, piece, (rows, columns) = found
    inside = torch.from_numpy(piece[rows, columns])
    objects = torch.where(inside, image[:, rows, columns], torch.tensor(255, dtype=torch.uint8))
    label = torch.where(inside, chosen, BACKGROUND).to(torch.uint8)
    return _flipped(_resized(_squared(objects, 255), _squared(label, BACKGROUND), size), rng)


def object_view(image: Tensor, mask: Tensor, size: int, rng: np.random.Generator) -> Square:
    """A square around one object with its surroundings, and the whole mask of that square.

    :func:`cutout_view` cuts an outline into the image itself, right or wrong. This view keeps
    the image, so that image and mask can be compared. The object is the largest connected piece
    of a random class in the mask. It lies anywhere in a square up to a third larger, as far as
    the image reaches. Arguments are those of :func:`cutout_view`.
    """
    found = _largest_piece(mask, rng)
    if found is None:
        return None
    _, _, (rows, columns) = found
    height, width = mask.shape
    longer = max(rows.stop - rows.start, columns.stop - columns.start)
    side = min(round(longer * rng.uniform(*AROUND)), height, width)
    place = (..., _span(rows, side, height, rng), _span(columns, side, width, rng))
    return _flipped(_resized(image[place], mask[place], size), rng)


VIEWS: dict[str, View] = {"image": image_view, "cutout": cutout_view, "object": object_view}


def _largest_piece(
    mask: Tensor, rng: np.random.Generator
) -> tuple[int, np.ndarray, tuple[slice, slice]] | None:
    """A class, its largest piece (H, W) bool and the piece's box; None if all are small."""
    labels = mask.numpy()
    areas = np.bincount(labels.ravel(), minlength=256)
    large = [c for c in np.flatnonzero(areas) if areas[c] >= OBJECT_SHARE * labels.size]
    shown = [c for c in large if c not in (BACKGROUND, IGNORE)]
    if not shown:
        return None
    chosen = int(rng.choice(shown))
    pieces, count = ndimage.label(labels == chosen)
    largest = 1 + int(np.argmax(np.bincount(pieces.ravel(), minlength=count + 1)[1:]))
    return chosen, pieces == largest, ndimage.find_objects(pieces)[largest - 1]


def _span(span: slice, side: int, whole: int, rng: np.random.Generator) -> slice:
    """A random slice of a length ``side`` inside of the whole: around the span or inside it."""
    first, last = sorted((span.start, span.stop - side))
    start = rng.integers(max(0, first), min(last, whole - side), endpoint=True)
    return slice(start, start + side)


def _squared(values: Tensor, fill: int) -> Tensor:
    """The values in the middle of a square with a margin."""
    height, width = values.shape[-2:]
    side = max(height, width) + 2 * round(MARGIN * max(height, width))
    square = values.new_full((*values.shape[:-2], side, side), fill)
    top, left = (side - height) // 2, (side - width) // 2
    square[..., top : top + height, left : left + width] = values
    return square


def _resized(image: Tensor, mask: Tensor, size: int) -> tuple[Tensor, Tensor]:
    small = resize(image, [size, size], antialias=True)
    return small, resize(mask[None], [size, size], InterpolationMode.NEAREST)[0]


def _flipped(square: tuple[Tensor, Tensor], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    if rng.random() < 0.5:
        return square
    image, mask = square
    return image.flip(-1), mask.flip(-1)
