"""Masks that polygons cannot tell apart."""

from __future__ import annotations

import numpy as np

from tag2mask.pipeline.formats.importers.near import within_one_pixel, without_holes
from tag2mask.pipeline.records import IGNORE


def square(grow: int = 0) -> np.ndarray:
    mask = np.zeros((20, 20), np.uint8)
    mask[6 - grow : 14 + grow, 6 - grow : 14 + grow] = 2
    return mask


def test_a_border_may_move_by_one_pixel_and_no_more() -> None:
    for grow, near in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        assert within_one_pixel(square(), square(grow)) is near


def test_another_class_is_another_mask() -> None:
    other = square()
    other[9:11, 9:11] = 1
    assert not within_one_pixel(square(), other)
    assert not within_one_pixel(square(), square()[:19])


def test_holes_are_filled_and_smaller_pieces_lie_in_front() -> None:
    mask = square()
    mask[8:12, 8:12] = 0
    mask[9:11, 9:11] = 1
    mask[0, :3] = mask[2, :3] = mask[:3, 0] = mask[:3, 2] = IGNORE
    expected = square()
    expected[9:11, 9:11] = 1
    expected[:3, :3] = IGNORE
    np.testing.assert_array_equal(without_holes(mask), expected)
