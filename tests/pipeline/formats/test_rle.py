"""Run lengths are those of pycocotools, bit for bit."""

import numpy as np
import pytest
from pycocotools import mask as reference

from tag2mask.pipeline.formats.rle import decode, encode, regions


def masks():
    random = np.random.default_rng(0)
    for height, width in ((1, 1), (1, 9), (9, 1), (7, 5), (64, 48)):
        for share in (0.0, 0.02, 0.5, 1.0):
            yield random.random((height, width)) < share
    # Runs longer than five and ten bits, and differences of both signs.
    long = np.zeros((200, 300), bool)
    long[3:150, 20:250] = True
    long[100, 100] = False
    yield long


@pytest.mark.parametrize("mask", list(masks()))
def test_equal_to_the_reference(mask):
    expected = reference.encode(np.asfortranarray(mask.astype(np.uint8)))
    found = encode(mask)
    assert found["size"] == expected["size"]
    assert found["counts"] == expected["counts"].decode()
    np.testing.assert_array_equal(decode(found["counts"], *mask.shape), mask)


def test_every_region_of_a_label_map():
    labels = np.random.default_rng(1).integers(0, 5, (20, 31))
    found = {value: (region, area) for value, region, area in regions(labels)}
    assert sorted(found) == [1, 2, 3, 4]
    for value, (region, area) in found.items():
        assert area == (labels == value).sum()
        np.testing.assert_array_equal(decode(region["counts"], 20, 31), labels == value)


def test_numbers_instead_of_text():
    expected = np.array([[0, 1, 0], [1, 1, 0]], bool)
    np.testing.assert_array_equal(decode([1, 3, 2], 2, 3), expected)


@pytest.mark.parametrize("counts", ["", "1", [3, 2], [7, -1], "\x01", "o"])
def test_damaged_counts_are_refused(counts):
    with pytest.raises(ValueError, match="run length"):
        decode(counts, 2, 3)
