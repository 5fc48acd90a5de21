"""Cues of SEC: what is sure, and which label lies on top."""

import numpy as np

from tag2mask.pipeline.benchmarks.stages.cues import make_seeds

TAGS = np.array([3, 7], np.uint8)


def test_small_objects_lie_over_large_ones_and_background_below():
    maps = np.zeros((2, 10, 10))
    maps[0, :8, :8] = 1  # the large one, over part of the background too
    maps[1, 2:4, 2:4] = 0.3
    salient = np.ones((10, 10))
    salient[:, -1] = 0
    salient[0, 0] = 0
    found = make_seeds(maps, salient, TAGS)
    assert (found[:8, :8] != 255).all()
    assert (found[2:4, 2:4] == 7).all()
    assert found[0, 0] == 3
    assert (found[:, -1] == 0).all()
    assert (found[8:, :9] == 255).all()


def test_a_fifth_of_the_maximum_is_not_sure():
    maps = np.full((2, 4, 4), 0.2)
    maps[:, 0, 0] = 1
    found = make_seeds(maps, np.arange(16.0).reshape(4, 4), TAGS)
    assert set(np.unique(found[1:])) == {255}
    assert found[0, 1] == 0, "the least salient tenth but for what a class takes"
