"""Histograms against NumPy."""

import numpy as np
import pytest

from tag2mask.pipeline.report.histogram import AREA_BOUNDS, CONFIDENCE_BOUNDS, Histogram


@pytest.mark.parametrize("bounds", [AREA_BOUNDS, CONFIDENCE_BOUNDS])
def test_agrees_with_numpy(bounds):
    values = [*np.random.default_rng(0).random(500) ** 0.1, 0.0, 1.0, *bounds]
    histogram = Histogram(bounds)
    for value in values:
        histogram.add(value)
    expected, _ = np.histogram(values, bins=[0, *bounds, 1])
    assert histogram.counts == expected.tolist()
    assert histogram.count == len(values)
    assert histogram.mean == pytest.approx(np.mean(values))


def test_bars():
    histogram = Histogram((0.25, 0.5))
    for value in (0.1, 0.3, 0.4):
        histogram.add(value)
    assert histogram.bars() == [("0 to 0.25", 1, 0.5), ("0.25 to 0.5", 2, 1), ("0.5 to 1", 0, 0)]


def test_an_empty_one():
    histogram = Histogram((0.5,))
    assert histogram.mean is None
    assert [height for *_, height in histogram.bars()] == [0, 0]
