"""The bilateral filter on the permutohedral lattice, compiled by numba.

Shapes are N pixels and M touched corners; see :mod:`tag2mask.models.crf.permutohedral`.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numba import njit
from torch import Tensor

from tag2mask.models.crf.permutohedral import CORNERS, FEATURES, GAIN, KEY_FACTORS, KEY_STEPS, LIFT

# Compiled code computes in 64 bits if one number has 64 bits.
_HALF = np.float32(0.5)
_SHARE = np.float32(1 / CORNERS)
_GAIN = np.float32(GAIN)


class Lattice:
    """Filters with ``exp(-|dp|²/2 sxy² - |dI|²/2 srgb²)`` over the pixels of one image.

    Args:
        image: (H, W, 3) uint8.
        sxy: Width in pixels.
        srgb: Width in gray levels.
    """

    def __init__(self, image: np.ndarray, sxy: float, srgb: float) -> None:
        pixels = image.shape[0] * image.shape[1]
        keys = np.empty(pixels, np.int64)
        order = np.empty((pixels, CORNERS), np.int8)
        self._weights = np.empty((pixels, CORNERS), np.float32)
        widths = np.array([sxy] * 2 + [srgb] * 3, np.float32)
        _locate(np.ascontiguousarray(image), LIFT / widths, keys, order, self._weights)
        self._corners = np.empty((pixels, CORNERS), np.int32)
        # Few images have more corners than pixels. For these the table is doubled.
        bits = max(8, (2 * pixels - 1).bit_length())
        while not len(found := _number(keys, order, table := _table(bits), bits, self._corners)):
            bits += 1
        self._up, self._down = _neighbors(found, table, bits)

    def __call__(self, values: Tensor) -> Tensor:
        """(1, C, H, W) float32, each channel filtered."""
        flat = values[0].contiguous().numpy().reshape(values.shape[1], -1)
        smooth = np.empty_like(flat)
        for channel, target in zip(flat, smooth, strict=True):
            _filter(channel, self._corners, self._weights, self._up, self._down, target)
        return torch.from_numpy(smooth).reshape(values.shape)


def _table(bits: int) -> np.ndarray:
    return np.full(1 << bits, -1, np.int32)


@njit(cache=True)
def _locate(
    image: np.ndarray, lift: np.ndarray, keys: np.ndarray, order: np.ndarray, weights: np.ndarray
) -> None:
    """Finds the simplex of every pixel (section 3.1 of the paper).

    It takes a row at a time, with coordinates as rows, so that the innermost loops run over pixels
    and the processor computes many at once.

    Args:
        image: (H, W, 3) uint8.
        lift: (5,) float32 factors of the features.
        keys: (N,) int64; gets the key of the first corner.
        order: (N, 6) int8; gets the direction from each corner to the next.
        weights: (N, 6) float32; gets the barycentric weights of the corners.
    """
    height, width, _ = image.shape
    raised = np.empty((CORNERS, width), np.float32)
    nearest = np.empty((CORNERS, width), np.int32)
    rest = np.empty((CORNERS, width), np.float32)
    rank = np.empty((CORNERS, width), np.int32)
    sorted_rest = np.empty(CORNERS, np.float32)
    for y in range(height):
        _raise(image[y], y, lift, raised)
        _round(raised, nearest, rest, rank)
        for x in range(width):
            n = y * width + x
            key = np.int64(0)
            for i in range(CORNERS):
                key += np.int64(nearest[i, x]) * KEY_FACTORS[i]
                place = FEATURES - rank[i, x]
                order[n, place] = i
                sorted_rest[place] = rest[i, x] * _SHARE
            keys[n] = key
            weights[n, 0] = 1 + sorted_rest[0] - sorted_rest[FEATURES]
            for place in range(1, CORNERS):
                weights[n, place] = sorted_rest[place] - sorted_rest[place - 1]


@njit(cache=True)
def _raise(row: np.ndarray, y: int, lift: np.ndarray, raised: np.ndarray) -> None:
    """Lifts the features of row y (W, 3) to (6, W), by the matrix from its last row upwards."""
    total = np.zeros(len(row), np.float32)
    feature = np.empty(len(row), np.float32)
    for i in range(FEATURES, 0, -1):
        for x in range(len(row)):
            if i == 1:
                value = np.float32(x)
            elif i == 2:
                value = np.float32(y)
            else:
                value = np.float32(row[x, i - 3])
            feature[x] = value * lift[i - 1]
        for x in range(len(row)):
            raised[i, x] = total[x] - np.float32(i) * feature[x]
            total[x] += feature[x]
    raised[0] = total


@njit(cache=True)
def _round(raised: np.ndarray, nearest: np.ndarray, rest: np.ndarray, rank: np.ndarray) -> None:
    """Finds the nearest point of multiples of six, the rest, and the order of the rest."""
    width = raised.shape[1]
    beside = np.zeros(width, np.int32)
    rank[:] = 0
    for i in range(CORNERS):
        for x in range(width):
            near = np.int32(math.floor(raised[i, x] * _SHARE + _HALF))
            beside[x] += near
            nearest[i, x] = near * CORNERS
            rest[i, x] = raised[i, x] - np.float32(nearest[i, x])
    for i in range(CORNERS):
        for j in range(i + 1, CORNERS):
            for x in range(width):
                less = np.int32(rest[i, x] < rest[j, x])
                rank[i, x] += less
                rank[j, x] += 1 - less
    # A point beside the plane is corrected by moving the coordinates at the ends.
    for i in range(CORNERS):
        for x in range(width):
            place = rank[i, x] + beside[x]
            move = CORNERS * (np.int32(place < 0) - np.int32(place >= CORNERS))
            rank[i, x] = place + move
            nearest[i, x] += move
            rest[i, x] -= np.float32(move)


@njit(cache=True)
def _number(
    keys: np.ndarray, order: np.ndarray, table: np.ndarray, bits: int, corners: np.ndarray
) -> np.ndarray:
    """Numbers the corners in the order in which pixels touch them.

    Args:
        keys: (N,) keys of :func:`_locate`.
        order: (N, 6) directions of :func:`_locate`.
        table: (2 ** bits,) int32 of -1; gets numbers at the places of the keys' hashes.
        bits: Binary logarithm of the table's size.
        corners: (N, 6) int32; gets the numbers of each pixel's corners.

    Returns:
        (M,) int64, the keys by number; empty if the table is too small.
    """
    shift = np.uint64(64 - bits)
    last = (1 << bits) - 1
    found = np.empty((last + 1) // 2, np.int64)
    count = 0
    for n in range(len(keys)):
        key = keys[n]
        for place in range(CORNERS):
            slot = np.int64(np.uint64(key) >> shift)
            while table[slot] >= 0 and found[table[slot]] != key:
                slot = (slot + 1) & last
            if table[slot] < 0:
                if count == len(found):
                    return found[:0]
                table[slot] = count
                found[count] = key
                count += 1
            corners[n, place] = table[slot]
            key += KEY_STEPS[order[n, place]]
    return found[:count]


@njit(cache=True)
def _neighbors(found: np.ndarray, table: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """The neighbors (6, M) of each corner along each direction, both ways; M for none."""
    shift = np.uint64(64 - bits)
    last = (1 << bits) - 1
    count = len(found)
    up = np.full((CORNERS, count), count, np.int32)
    down = np.full((CORNERS, count), count, np.int32)
    for direction in range(CORNERS):
        for corner in range(count):
            key = found[corner] + KEY_STEPS[direction]
            slot = np.int64(np.uint64(key) >> shift)
            while table[slot] >= 0 and found[table[slot]] != key:
                slot = (slot + 1) & last
            if table[slot] >= 0:
                up[direction, corner] = table[slot]
                down[direction, table[slot]] = corner
    return up, down


@njit(cache=True, fastmath=True)
def _filter(
    values: np.ndarray,
    corners: np.ndarray,
    weights: np.ndarray,
    up: np.ndarray,
    down: np.ndarray,
    target: np.ndarray,
) -> None:
    """Splats (N,) values, blurs, and slices into ``target``."""
    count = up.shape[1]
    # One more corner, always zero, represents neighbors that no pixel touches.
    old = np.zeros(count + 1, np.float32)
    new = np.zeros(count + 1, np.float32)
    for n in range(len(values)):
        for place in range(CORNERS):
            old[corners[n, place]] += weights[n, place] * values[n]
    for direction in range(CORNERS):
        for corner in range(count):
            beside = old[up[direction, corner]] + old[down[direction, corner]]
            new[corner] = old[corner] + _HALF * beside
        old, new = new, old
    for n in range(len(values)):
        sliced = np.float32(0)
        for place in range(CORNERS):
            sliced += weights[n, place] * old[corners[n, place]]
        target[n] = sliced * _GAIN
