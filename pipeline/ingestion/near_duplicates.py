"""Near-duplicates: the same photograph in another size, format or compression.

Images are compared by perceptual hashes, the pHash of Zauner ("Implementation and
benchmarking of perceptual image hash functions", 2010, section 3.2.1).

Close hashes are found by multi-index hashing (Norouzi, Punjani and Fleet, "Fast search in
Hamming space with multi-index hashing", CVPR 2012). Two hashes that differ in at most d of 64
bits differ in at most d // m bits of at least one of m bands. The neighbors in each band are
looked up in a sorted list. This takes eight bytes for each image and O(n log n) look-ups;
comparing all pairs takes O(n²).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import combinations, pairwise
from math import comb

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field
from scipy.fft import dctn

from tag2mask.pipeline.ingestion.decoding import DecodeError, gray_preview

BITS = 64
_SIDE = 32
_LOW = 8
_CHUNK = 2**20
_LOOK_UP = 3  # cost of a look-up, in comparisons of two hashes


class NearDuplicateSettings(BaseModel):
    """Settings of the search for near-duplicates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    distance: int | None = Field(
        None,
        ge=0,
        le=12,
        description="Bits of 64 in which hashes of near-duplicates may differ; null turns the "
        "search off. 4 finds resized and recompressed copies.",
    )
    drop: bool = Field(
        False, description="Skip near-duplicates; they are counted and reported in any case."
    )


class PerceptualIndex:
    """An index of images by perceptual hash; several threads may add images."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}

    def add(self, image_id: str, data: bytes) -> None:
        """Add an image's file; a file that cannot be decoded is ignored."""
        if image_id not in self._seen:
            with suppress(DecodeError):
                look = perceptual_hash(gray_preview(data, _SIDE))
                self._seen[image_id] = (-len(data), look)

    def near_duplicates(self, distance: int) -> dict[str, str]:
        """Find near-duplicates.

        Args:
            distance: Largest number of different bits.

        Returns:
            The id of the kept image, which is the larger file, by the id of the near-duplicate.
        """
        ids = sorted(self._seen, key=lambda one: (self._seen[one][0], one))
        hashes = np.array([self._seen[one][1] for one in ids], np.uint64)
        stands = enumerate(representatives(hashes, distance).tolist())
        return {ids[position]: ids[chosen] for position, chosen in stands if chosen != position}


def perceptual_hash(gray: Image.Image) -> int:
    """Compute the pHash of an image of mode L: 64 bits, of which about half are set.

    The image is resized to 32×32. Each bit belongs to one of the 8×8 lowest coefficients of its
    cosine transform, and is set if the coefficient is above their median.
    """
    small = gray.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    low = dctn(np.asarray(small, np.float64), type=2)[:_LOW, :_LOW]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def representatives(hashes: np.ndarray, distance: int) -> np.ndarray:
    """Find the representative of each image.

    An image represents itself if no earlier such image is close to it. So every image is close
    to its own representative, without chains.

    Args:
        hashes: (N,) uint64, preferred images first.
        distance: Largest number of different bits of close hashes.

    Returns:
        (N,) int64 positions: the image's own, or that of its closest representative (the first
        of equally close ones).
    """
    # Equal hashes count once, so that a thousand blank images do not make half a million pairs.
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    order = np.sort(first)
    stands = np.arange(len(order))
    earlier, later = _close_pairs(hashes[order], distance)
    ends = np.flatnonzero(np.diff(later, append=-1)) + 1
    for start, end in pairwise([0, *ends.tolist()]):
        close = earlier[start:end]
        own = close[stands[close] == close]
        if len(own):
            stands[later[start]] = own[0]
    rank = np.searchsorted(order, first[inverse])
    result: np.ndarray = order[stands[rank]]
    return result


def _close_pairs(hashes: np.ndarray, distance: int) -> tuple[np.ndarray, np.ndarray]:
    """Find the positions of close hashes: the earlier and the later one of each pair.

    Each pair occurs once. Pairs are sorted by the later position, then by distance, then by the
    earlier position.
    """
    found = [np.empty((0, 3), np.int64)]
    for shift, width, radius in _bands(len(hashes), distance):
        keys = (hashes >> np.uint64(shift)) & np.uint64(2**width - 1)
        order = np.argsort(keys, kind="stable")
        for flip in _flips(width, radius):
            for one, other in _meetings(keys[order], flip):
                a, b = order[one], order[other]
                bits = np.bitwise_count(hashes[a] ^ hashes[b])
                close = (a < b) & (bits <= distance)
                found.append(np.stack([b[close], bits[close], a[close]], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    return pairs[:, 2], pairs[:, 0]


def _meetings(ranked: np.ndarray, flip: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of positions whose keys differ in exactly the bits of ``flip``, a million at a time."""
    # In the order of the keys, so that consecutive look-ups are close in memory.
    probes = ranked ^ np.uint64(flip)
    low = np.searchsorted(ranked, probes, "left")
    counts = np.searchsorted(ranked, probes, "right") - low
    for queries in _portions(counts):
        many = counts[queries]
        one = np.repeat(queries, many)
        within = np.arange(len(one)) - np.repeat(np.cumsum(many) - many, many)
        yield one, np.repeat(low[queries], many) + within


def _bands(count: int, distance: int) -> list[tuple[int, int, int]]:
    """Shift, width and radius of each band, for the number of bands with the cheapest search.

    A narrow band has few neighbors to look up, each with many images. A wide band has many
    neighbors, almost all without images.
    """

    def cost(bands: int) -> float:
        width, radius = BITS // bands, distance // bands
        probes = sum(comb(width, flips) for flips in range(radius + 1))
        return bands * probes * (_LOOK_UP + count / 2**width)

    bands = min(range(1, BITS + 1), key=cost)
    edges = np.linspace(0, BITS, bands + 1).astype(int).tolist()
    return [(low, high - low, distance // bands) for low, high in pairwise(edges)]


def _flips(width: int, radius: int) -> Iterator[int]:
    """All numbers of ``width`` bits with at most ``radius`` bits set."""
    for size in range(radius + 1):
        for bits in combinations(range(width), size):
            yield sum(1 << bit for bit in bits)


def _portions(counts: np.ndarray) -> Iterator[np.ndarray]:
    """Split the queries with matches into portions of about a million matches."""
    queries = np.flatnonzero(counts)
    if len(queries):
        total = np.cumsum(counts[queries])
        yield from np.split(queries, np.flatnonzero(np.diff(total // _CHUNK)) + 1)
