"""A tree of regions: superpixels merged two by two until one is left.

This is selective search (Uijlings et al., IJCV 2013, section 3) on the superpixels of Felzenszwalb
& Huttenlocher (IJCV 2004). The two most similar neighbors are merged again and again. Every node is
a proposal, at every scale from parts to the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import find_objects
from skimage import graph
from skimage.color import rgb2hsv
from skimage.segmentation import felzenszwalb

SCALE = 60.0  # scale of the superpixels; a larger scale gives fewer
SIGMA = 0.8
SMALLEST = 30  # least number of pixels of a superpixel
BINS = 25  # bins of a histogram, for each color channel


@dataclass(frozen=True)
class Part:
    """The properties of a node from which similarities are computed.

    Attributes:
        number: Number of the node.
        area: Area of the node, in pixels.
        box: Top, left, bottom, right; the last two are outside.
        histogram: (3 BINS,), the colors, summing to one.
    """

    number: int
    area: int
    box: tuple[int, int, int, int]
    histogram: np.ndarray

    def joined(self, other: Part, number: int) -> Part:
        """Both parts merged into one."""
        area = self.area + other.area
        mixed = (self.area * self.histogram + other.area * other.histogram) / area
        return Part(number, area, hull(self.box, other.box), mixed)

    def contrast(self, other: Part) -> float:
        """The difference of their colors, in [0, 1] (one minus equation 1)."""
        return float(1 - np.minimum(self.histogram, other.histogram).sum())

    def distance(self, other: Part, pixels: int) -> float:
        """The distance in color, size and fill (equations 1, 4, 5); the smallest merges first."""
        top, left, bottom, right = hull(self.box, other.box)
        size = (self.area + other.area) / pixels
        fill = ((bottom - top) * (right - left) - self.area - other.area) / pixels
        return self.contrast(other) + size + fill


def hull(
    one: tuple[int, int, int, int], other: tuple[int, int, int, int]
) -> tuple[int, int, int, int]:
    """The smallest box around two boxes."""
    tops, lefts, bottoms, rights = zip(one, other, strict=True)
    return min(tops), min(lefts), max(bottoms), max(rights)


@dataclass(frozen=True)
class RegionTree:
    """The tree of n superpixels: nodes 0 to n - 1 are superpixels, node 2n - 2 is the image.

    Attributes:
        superpixels: (H, W) int64, from 0 to n - 1.
        parent: (2n - 1,) int64, a node's parent, always of a larger number; -1 for the root.
        contrast: (2n - 1,) float64 in [0, 1], the color difference of the two parts of a node; 0
            for superpixels.
    """

    superpixels: np.ndarray
    parent: np.ndarray
    contrast: np.ndarray

    @property
    def leaves(self) -> int:
        """The number of superpixels."""
        return (len(self.parent) + 1) // 2

    @cached_property
    def members(self) -> np.ndarray:
        """The superpixels of every node, (2n - 1, n) bool."""
        members = np.zeros((len(self.parent), self.leaves), bool)
        members[np.arange(self.leaves), np.arange(self.leaves)] = True
        for node, parent in enumerate(self.parent[:-1]):
            members[parent] |= members[node]
        return members

    @cached_property
    def areas(self) -> np.ndarray:
        """The number of pixels of every node, (2n - 1,) int64."""
        return self.members @ np.bincount(self.superpixels.ravel(), minlength=self.leaves)

    def sums(self, maps: np.ndarray) -> np.ndarray:
        """Sums of maps over every node.

        Args:
            maps: (K, H, W).

        Returns:
            (K, 2n - 1) float64.
        """
        flat = self.superpixels.ravel()
        of_leaves = [np.bincount(flat, one.ravel(), minlength=self.leaves) for one in maps]
        return np.stack(of_leaves) @ self.members.T

    def mask(self, node: int) -> np.ndarray:
        """The pixels of a node, (H, W) bool."""
        return self.members[node][self.superpixels]


def region_tree(image: np.ndarray, scale: float = SCALE) -> RegionTree:
    """Superpixels and their merging.

    Args:
        image: (H, W, 3) uint8 RGB.
        scale: Scale of the superpixels.
    """
    superpixels = felzenszwalb(image, scale=scale, sigma=SIGMA, min_size=SMALLEST)
    parts = superpixel_parts(image, superpixels)
    leaves, pixels = len(parts), superpixels.size
    neighbors = graph.RAG(superpixels)
    for part in parts:
        neighbors.add_node(part.number, labels=[part.number], part=part)
    for one, other in neighbors.edges:
        neighbors[one][other]["weight"] = parts[one].distance(parts[other], pixels)
    parent = np.full(2 * leaves - 1, -1)
    contrast = np.zeros(2 * leaves - 1)
    numbers = iter(range(leaves, 2 * leaves - 1))

    def merge(rag: graph.RAG, source: int, target: int) -> None:
        one, other, number = rag.nodes[source]["part"], rag.nodes[target]["part"], next(numbers)
        contrast[number] = one.contrast(other)
        parent[[one.number, other.number]] = number
        rag.nodes[target]["part"] = one.joined(other, number)

    def weigh(rag: graph.RAG, source: int, target: int, neighbor: int) -> dict[str, float]:
        del source  # the source is merged into the target
        one, other = rag.nodes[target]["part"], rag.nodes[neighbor]["part"]
        return {"weight": one.distance(other, pixels)}

    graph.merge_hierarchical(
        superpixels,
        neighbors,
        thresh=np.inf,
        rag_copy=False,
        in_place_merge=True,
        merge_func=merge,
        weight_func=weigh,
    )
    return RegionTree(superpixels, parent, contrast)


def superpixel_parts(image: np.ndarray, superpixels: np.ndarray) -> list[Part]:
    """The superpixels (H, W) of an image (H, W, 3) as parts, in the order of their numbers."""
    bins = (rgb2hsv(image) * BINS).astype(int).clip(0, BINS - 1) + BINS * np.arange(3)
    count = int(superpixels.max()) + 1
    places = superpixels[..., None] * 3 * BINS + bins
    histograms = np.bincount(places.ravel(), minlength=count * 3 * BINS).reshape(count, -1)
    return [
        Part(
            number,
            area=int(histogram.sum()) // 3,
            box=(rows.start, columns.start, rows.stop, columns.stop),
            histogram=histogram / histogram.sum(),
        )
        for number, (histogram, (rows, columns)) in enumerate(
            zip(histograms, find_objects(superpixels + 1), strict=True)
        )
    ]
