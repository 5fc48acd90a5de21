"""Run lengths as COCO writes them: column after column, zeros first, packed into text.

The format is that of COCO's mask API (Lin et al., ECCV 2014, and its maskApi.c): counts of
alternating runs of zeros and ones over the pixels in column-major order; from the fourth on
each count is stored as the difference to the last but one; a number becomes characters of
five bits, least significant first, the sixth bit saying that another follows, plus 48.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypedDict

import numpy as np

_BITS, _MORE, _SIGN, _FIRST = 5, 0x20, 0x10, 48


class Rle(TypedDict):
    """A binary mask: ``size`` is (height, width), ``counts`` the packed run lengths."""

    size: list[int]
    counts: str


def regions(labels: np.ndarray) -> Iterator[tuple[int, Rle, int]]:
    """The region of every value above 0 of a label map, from one pass over the pixels.

    Args:
        labels: (H, W) integers.

    Yields:
        The value, its region, and the region's number of pixels; values ascend.
    """
    flat = labels.ravel(order="F")
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    lengths = np.diff(np.append(starts, flat.size))
    values = flat[starts]
    order = np.argsort(values, kind="stable")
    borders = np.flatnonzero(np.diff(values[order])) + 1
    for begin, end in pairwise([0, *borders.tolist(), len(order)]):
        runs = order[begin:end]
        value = int(values[runs[0]])
        if value > 0:
            counts = _counts(starts[runs], lengths[runs], flat.size)
            yield value, _rle(labels, counts), int(lengths[runs].sum())


def encode(mask: np.ndarray) -> Rle:
    """A binary mask (H, W) as run lengths."""
    for _, region, _ in regions(mask.astype(np.uint8) != 0):
        return region
    return _rle(mask, [mask.size])


def decode(counts: str | Sequence[int], height: int, width: int) -> np.ndarray:
    """Run lengths, packed or as numbers, as a binary mask.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: If the runs do not fill the image exactly, or the text is damaged.
    """
    runs = _unpacked(counts) if isinstance(counts, str) else list(counts)
    if min(runs, default=-1) < 0 or sum(runs) != height * width:
        raise ValueError(f"the run lengths do not fill {width}x{height} pixels")
    values = np.arange(len(runs)) % 2 == 1
    return np.repeat(values, runs).reshape((height, width), order="F")


def _rle(labels: np.ndarray, counts: list[int]) -> Rle:
    height, width = labels.shape
    return {"size": [height, width], "counts": _packed(counts)}


def _counts(starts: np.ndarray, lengths: np.ndarray, size: int) -> list[int]:
    ends = starts + lengths
    gaps = starts - np.concatenate([[0], ends[:-1]])
    counts: list[int] = np.stack([gaps, lengths], axis=1).ravel().tolist()
    rest = size - int(ends[-1])
    return [*counts, rest] if rest else counts


def _packed(counts: Sequence[int]) -> str:
    characters = []
    for index, count in enumerate(counts):
        number = count - counts[index - 2] if index > 2 else count
        while True:
            bits = number & (_MORE - 1)
            number >>= _BITS
            done = number == (-1 if bits & _SIGN else 0)
            characters.append(chr((bits if done else bits | _MORE) + _FIRST))
            if done:
                break
    return "".join(characters)


def _unpacked(text: str) -> list[int]:
    counts: list[int] = []
    number = shift = 0
    for character in text:
        bits = ord(character) - _FIRST
        if not 0 <= bits < 2 * _MORE:
            raise ValueError(f"no run length has the character {character!r}")
        number |= (bits & (_MORE - 1)) << shift
        shift += _BITS
        if bits & _MORE:
            continue
        if bits & _SIGN:
            number -= 1 << shift
        counts.append(number + counts[-2] if len(counts) > 2 else number)
        number = shift = 0
    if shift:
        raise ValueError("the run lengths are cut short")
    return counts
