"""Near-duplicates: the same photograph in another size, format or compression.

Images are compared by perceptual hashes, the pHash of Zauner ("Implementation and
benchmarking of perceptual image hash functions", 2010, section 3.2.1). Close hashes are
found by multi-index hashing (Norouzi, Punjani and Fleet, "Fast search in Hamming space
with multi-index hashing", CVPR 2012): whoever differs in at most d of 64 bits differs in at
most d // m bits of one of m bands, and a band's neighbors are looked up in a sorted list.
Eight bytes an image and O(n log n) look-ups, where comparing all pairs takes O(n²).
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
_LOOK_UP = 3  # what a look-up costs, in comparisons of two hashes


class NearDuplicateSettings(BaseModel):
    """What is done about images that look alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    distance: int | None = Field(
        None,
        ge=0,
        le=12,
        description="Bits of 64 in which hashes of near-duplicates may differ; null does not "
        "look for them. 4 finds resized and recompressed copies.",
    )
    drop: bool = Field(
        False, description="Leave near-duplicates out; they are counted and named either way."
    )


class PerceptualIndex:
    """What the images of a source look like, taken in while they are read, by any threads."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}

    def add(self, image_id: str, data: bytes) -> None:
        """Take in an image's file; one that cannot be decoded looks like nothing."""
        if image_id not in self._seen:
            with suppress(DecodeError):
                look = perceptual_hash(gray_preview(data, _SIDE))
                self._seen[image_id] = (-len(data), look)

    def near_duplicates(self, distance: int) -> dict[str, str]:
        """Ids of near-duplicates and of the images that stand for them: the larger files."""
        ids = sorted(self._seen, key=lambda one: (self._seen[one][0], one))
        hashes = np.array([self._seen[one][1] for one in ids], np.uint64)
        stands = enumerate(representatives(hashes, distance).tolist())
        return {ids[position]: ids[chosen] for position, chosen in stands if chosen != position}


def perceptual_hash(gray: Image.Image) -> int:
    """The pHash of an image of mode L: 64 bits, of which about half are set.

    A bit says whether one of the 8×8 lowest coefficients of the cosine transform of the
    image at 32×32 is above their median.
    """
    small = gray.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    low = dctn(np.asarray(small, np.float64), type=2)[:_LOW, :_LOW]
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def representatives(hashes: np.ndarray, distance: int) -> np.ndarray:
    """Which image stands for each one.

    In order, each image that is not close to an earlier one which stands for itself
    stands for itself. So whoever is left out is close to the one named, never to a chain.

    Args:
        hashes: (N,) uint64, the images to be preferred first.
        distance: Bits in which close hashes may differ.

    Returns:
        (N,) int64 positions: its own, or that of the closest one that stands for it, the
        first of equals.
    """
    # Equal hashes are one: a thousand blank images are no half million pairs.
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
    """Positions of close hashes, the earlier and the later one of each pair.

    Sorted by the later, then by distance, then by the earlier. Each pair comes once.
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
    """Positions in sorted keys whose keys differ in the bits of ``flip``, a million at a time."""
    # In the order of the keys, so that one look-up is near the last one in memory.
    probes = ranked ^ np.uint64(flip)
    low = np.searchsorted(ranked, probes, "left")
    counts = np.searchsorted(ranked, probes, "right") - low
    for queries in _portions(counts):
        many = counts[queries]
        one = np.repeat(queries, many)
        within = np.arange(len(one)) - np.repeat(np.cumsum(many) - many, many)
        yield one, np.repeat(low[queries], many) + within


def _bands(count: int, distance: int) -> list[tuple[int, int, int]]:
    """Shift, width and radius of each band: as many bands as make the search cheapest.

    A narrow band has few neighbors to look up, each with many images; a wide one has
    many, almost all of them empty.
    """

    def cost(bands: int) -> float:
        width, radius = BITS // bands, distance // bands
        probes = sum(comb(width, flips) for flips in range(radius + 1))
        return bands * probes * (_LOOK_UP + count / 2**width)

    bands = min(range(1, BITS + 1), key=cost)
    edges = np.linspace(0, BITS, bands + 1).astype(int).tolist()
    return [(low, high - low, distance // bands) for low, high in pairwise(edges)]


def _flips(width: int, radius: int) -> Iterator[int]:
    """All numbers of a width with at most ``radius`` bits."""
    for size in range(radius + 1):
        for bits in combinations(range(width), size):
            yield sum(1 << bit for bit in bits)


def _portions(counts: np.ndarray) -> Iterator[np.ndarray]:
    """Queries that meet something, cut so that each portion meets about a million."""
    queries = np.flatnonzero(counts)
    if len(queries):
        total = np.cumsum(counts[queries])
        yield from np.split(queries, np.flatnonzero(np.diff(total // _CHUNK)) + 1)
