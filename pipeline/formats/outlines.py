"""The pieces of a mask as polygons, each of one closed line."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from skimage.measure import find_contours

from tag2mask.pipeline.formats.pieces import boxes, pieces_of


def outlines(mask: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The outline of every connected piece of a mask, the largest piece first.

    A polygon has one line and no holes; a hole is reached by a cut without width, which
    leads to its border and back.

    Args:
        mask: (H, W) uint8: 0 background, 255 ignore, else a class.

    Yields:
        The class, and (N, 2) float corners (row, column), N ≥ 3, in pixels with (0, 0) at
        the center of the first one.
    """
    pieces, classes = pieces_of(mask)
    sizes = np.bincount(pieces.ravel())
    found = list(boxes(pieces))
    for number in sorted(range(1, len(sizes)), key=lambda piece: -sizes[piece]):
        rows, columns = found[number - 1]
        padded = np.pad(pieces[rows, columns] == number, 1).astype(float)
        contours = find_contours(padded, 0.5, fully_connected="high")
        # The contour with the largest box is the outer border; the others are holes.
        border, *holes = sorted(map(_corners, contours), key=_extent, reverse=True)
        for hole in holes:
            border = _with_hole(border, hole)
        yield int(classes[number]), border[:-1] - 1 + (rows.start, columns.start)


def _corners(contour: np.ndarray) -> np.ndarray:
    """A closed line (N, 2) without the points at which it does not turn."""
    steps = np.diff(contour, axis=0)
    before = np.roll(steps, 1, axis=0)
    turns = steps[:, 0] * before[:, 1] != steps[:, 1] * before[:, 0]
    corners = contour[:-1][turns]
    return np.concatenate([corners, corners[:1]])


def _extent(contour: np.ndarray) -> float:
    """The area of the box around a contour."""
    return float(np.prod(np.ptp(contour, axis=0)))


def _with_hole(border: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Both closed lines as one, joined where they are nearest.

    The hole runs the other way round already: contours keep what is higher on one side.
    """
    distances = np.linalg.norm(border[:, None] - hole[None, :-1], axis=2)
    at, start = np.unravel_index(distances.argmin(), distances.shape)
    turned = np.roll(hole[:-1], -int(start), axis=0)
    cut = [border[: at + 1], turned, turned[:1], border[at:]]
    return np.concatenate(cut)
