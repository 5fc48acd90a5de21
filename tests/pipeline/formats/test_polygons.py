"""Polygons give their pixels back: in COCO's mask API, and by the project's own drawing."""

from __future__ import annotations

import numpy as np
import pytest
from pycocotools import mask as reference
from skimage.draw import polygon

from tag2mask.pipeline.formats.joined_lines import join_lines
from tag2mask.pipeline.formats.objects import boxes, find_objects
from tag2mask.pipeline.formats.polygons import filled, region_polygons


def regions() -> dict[str, np.ndarray]:
    """Regions (H, W) bool with holes, diagonals, borders and thousands of holes."""
    random = np.random.default_rng(0)
    sieve = random.random((110, 130)) > 0.12
    sieve[0] = sieve[-1] = True
    nested = np.zeros((30, 30), bool)
    for size, value in ((28, True), (22, False), (16, True), (10, False), (4, True)):
        start = (30 - size) // 2
        nested[start : start + size, start : start + size] = value
    return {
        "one pixel": np.ones((1, 1), bool),
        "line": np.ones((1, 9), bool),
        "diagonal": np.eye(7, dtype=bool),
        "noise": random.random((40, 50)) < 0.4,
        "sieve": sieve,
        "nested": nested,
        "checkers": np.indices((8, 8)).sum(axis=0) % 2 == 0,
    }


def drawn_by_coco(polygons: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    flat = [corners.ravel().tolist() for corners in polygons]
    return reference.decode(reference.merge(reference.frPyObjects(flat, *shape))).astype(bool)


@pytest.mark.parametrize("name", regions())
def test_the_same_pixels(name: str) -> None:
    region = regions()[name]
    ((box),) = boxes(region.astype(np.uint8))
    polygons = region_polygons(region[box], box)
    np.testing.assert_array_equal(filled(polygons, region.shape), region)
    np.testing.assert_array_equal(drawn_by_coco(polygons, region.shape), region)
    joined = join_lines(polygons)
    np.testing.assert_array_equal(filled([joined], region.shape), region)
    assert len(joined) == sum(map(len, polygons)) + 2 * (len(polygons) - 1)


def test_one_polygon_for_each_component_the_largest_first() -> None:
    region = np.zeros((20, 30), bool)
    region[2:4, 2:4] = region[10:18, 5:25] = region[0, 29] = True
    (box,) = boxes(region.astype(np.uint8))
    areas = [filled([polygon], region.shape).sum() for polygon in region_polygons(region[box], box)]
    assert areas == [160, 4, 1]


def test_drawing_is_that_of_another_program() -> None:
    random = np.random.default_rng(3)
    for _ in range(20):
        # No corner and no edge of such polygons meets a pixel's center.
        corners = random.random((7, 2)) * (50, 40) * 1.2 - 3
        expected = np.zeros((40, 50), bool)
        expected[polygon(corners[:, 1] - 0.5, corners[:, 0] - 0.5, expected.shape)] = True
        np.testing.assert_array_equal(filled([corners], expected.shape), expected)


def test_nothing_is_drawn_of_nothing() -> None:
    assert not filled([], (3, 4)).any()


def test_objects_of_a_minimum_area() -> None:
    mask = np.zeros((10, 10), np.uint8)
    mask[0:3, 0:3] = 1
    mask[5:7, 5:7] = 1
    mask[9, 9] = 2
    mask[8, 0:3] = 255
    found = find_objects(mask, 0.04, "component")
    assert (len(found), found.dropped, found.dropped_pixels) == (2, 1, 1)
    assert found.classes.tolist() == [0, 1, 1]
    assert np.bincount(found.labels.ravel()).tolist() == [87, 9, 4]
    by_class = find_objects(mask, 0.04, "class")
    assert by_class.classes.tolist() == [0, 1]
    assert np.bincount(by_class.labels.ravel()).tolist() == [87, 13]
    everything = find_objects(mask, 0, "class")
    assert everything.classes.tolist() == [0, 1, 2]
    nothing = find_objects(np.zeros((4, 4), np.uint8), 0, "class")
    assert (len(nothing), nothing.labels.max()) == (0, 0)
