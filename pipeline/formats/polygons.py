"""Regions as polygons in COCO's coordinates: pixel (x, y) covers [x, x + 1] × [y, y + 1].

Lines run through the middles of the pixels' edges. COCO's mask API (Lin et al., ECCV 2014)
draws such polygons back to the same pixels. Programs that fill a polygon with its border,
as OpenCV does, draw objects that are up to a pixel wider.
"""

from __future__ import annotations

import numpy as np
from skimage.measure import find_contours
from skimage.measure import label as connected

from tag2mask.pipeline.evaluation.voc import confusion, scores
from tag2mask.pipeline.formats.joined_lines import join_lines
from tag2mask.pipeline.formats.objects import Box, boxes
from tag2mask.pipeline.records import ClassTable


def region_polygons(region: np.ndarray, box: Box) -> list[np.ndarray]:
    """The polygons of a region, one for each connected component, the largest first.

    A polygon has one line and no holes. A hole is reached by a cut without width, which
    leads to its border and back.

    Args:
        region: (h, w) bool, the pixels of the region inside its box.
        box: Rows and columns of the box in the image.

    Returns:
        (N, 2) float64 corners (x, y) in pixels for each component, N ≥ 3.
    """
    components = connected(region, background=0, connectivity=2)
    areas = np.bincount(components.ravel())
    polygons = []
    for number, (rows, columns) in enumerate(boxes(components), start=1):
        padded = np.pad(components[rows, columns] == number, 1).astype(float)
        contours = find_contours(padded, 0.5, fully_connected="high")
        # The contour with the largest box is the outer border; the others are holes.
        lines = sorted((_corners(contour) for contour in contours), key=_extent, reverse=True)
        # Half a pixel back for the padding's pixel, whose center is the contour's zero.
        corner = (box[0].start + rows.start - 0.5, box[1].start + columns.start - 0.5)
        polygons.append((areas[number], (join_lines(lines) + corner)[:, ::-1]))
    polygons.sort(key=lambda pair: -int(pair[0]))
    return [polygon for _, polygon in polygons]


class PolygonLoss:
    """A measure of the loss by polygons, which are drawn again and compared with the masks.

    Args:
        classes: The classes of the masks.
    """

    def __init__(self, classes: ClassTable) -> None:
        self.classes = classes
        self._matrix = np.zeros((len(classes) + 1, len(classes) + 2), np.int64)

    def add(self, mask: np.ndarray, polygons: list[tuple[int, np.ndarray]]) -> None:
        """Compare a mask with its polygons.

        Args:
            mask: (H, W) uint8, the original of the polygons.
            polygons: Class and (N, 2) corners (x, y) in pixels.
        """
        drawn = np.zeros_like(mask)
        for value in dict.fromkeys(value for value, _ in polygons):
            lines = [corners for number, corners in polygons if number == value]
            drawn[filled(lines, mask.shape)] = value
        self._matrix += confusion(mask, drawn, len(self.classes))

    def mean_iou(self) -> float | None:
        """Mean IoU of the drawn polygons with the masks, in [0, 1]; None without a pixel."""
        if not self._matrix.any():
            return None
        return scores(self._matrix, self.classes.names).mean_iou


def filled(polygons: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """The pixels whose centers lie inside an odd number of polygons.

    Args:
        polygons: (N, 2) corners (x, y) in pixels for each.
        shape: Height and width of the image.

    Returns:
        (H, W) bool.
    """
    height, width = shape
    first = np.concatenate([*polygons, np.zeros((0, 2))])
    second = np.concatenate([*(np.roll(line, -1, axis=0) for line in polygons), np.zeros((0, 2))])
    # Every edge runs down, so that the two sides of a cut are computed alike.
    down = (first[:, 1] <= second[:, 1])[:, None]
    upper, lower = np.where(down, first, second), np.where(down, second, first)
    # The rows of pixels whose centers, at halves, an edge crosses.
    begin = np.clip(np.ceil(upper[:, 1] - 0.5), 0, height).astype(int)
    end = np.clip(np.ceil(lower[:, 1] - 0.5), 0, height).astype(int)
    edges = np.repeat(np.arange(len(upper)), end - begin)
    ordinal = np.arange(len(edges)) - np.repeat(np.cumsum(end - begin) - (end - begin), end - begin)
    rows = begin[edges] + ordinal
    step = lower - upper
    x = upper[edges, 0] + (rows + 0.5 - upper[edges, 1]) * step[edges, 0] / step[edges, 1]
    columns = np.clip(np.ceil(x - 0.5), 0, width).astype(int)
    # Numbers may overflow: only whether they are odd counts.
    crossings = np.zeros((height, width + 1), np.uint8)
    np.add.at(crossings, (rows, columns), 1)
    inside: np.ndarray = crossings.cumsum(axis=1, dtype=np.uint8)[:, :-1] % 2 == 1
    return inside


def _corners(contour: np.ndarray) -> np.ndarray:
    """The corners (M, 2) of a closed line (N, 2), whose last point is its first one."""
    steps = np.diff(contour, axis=0)
    before = np.roll(steps, 1, axis=0)
    turns = steps[:, 0] * before[:, 1] != steps[:, 1] * before[:, 0]
    corners: np.ndarray = contour[:-1][turns]
    return corners


def _extent(corners: np.ndarray) -> float:
    """The area of the box around a line."""
    return float(np.prod(np.ptp(corners, axis=0)))
