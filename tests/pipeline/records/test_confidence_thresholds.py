"""Thresholds by class, as settings, arguments and the command line give them."""

import numpy as np
import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.records.confidence_thresholds import class_thresholds, parse_thresholds

CLASSES = ClassTable(names=("cat", "dog", "a=b"))


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        (0.0, [0, 0, 0, 0]),
        (0.5, [0, 0.5, 0.5, 0.5]),
        ({"cat": 0.9}, [0, 0.9, 0, 0]),
        ({"cat": 0.9, "*": 0.8}, [0, 0.9, 0.8, 0.8]),
    ],
)
def test_each_class_has_one(thresholds, expected):
    found = class_thresholds(thresholds, CLASSES)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array(expected, np.float32))


@pytest.mark.parametrize(
    ("thresholds", "said"),
    [
        ({"bird": 0.5}, "unknown class 'bird'"),
        (1.2, r"between 0 and 1, not at 1\.2"),
        ({"dog": -1}, "the confidence of dog lies between 0 and 1, not at -1"),
    ],
)
def test_wrong_ones_are_errors(thresholds, said):
    with pytest.raises(UserError, match=said):
        class_thresholds(thresholds, CLASSES)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], 0.0),
        (["0.8"], 0.8),
        (["cat=0.9"], {"cat": 0.9}),
        (["cat=0.9", "0.8"], {"cat": 0.9, "*": 0.8}),
        (["a=b=0.9", "*=1"], {"a=b": 0.9, "*": 1.0}),
    ],
)
def test_texts_are_read(texts, expected):
    assert parse_thresholds(texts) == expected


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["cat=high"], r"CLASS=NUMBER such as cat=0\.9, not 'cat=high'"),
        (["0.8", "0.9"], "gives all classes two thresholds"),
        (["cat=0.8", "cat=0.9"], "gives cat two thresholds"),
    ],
)
def test_wrong_texts_are_errors(texts, said):
    with pytest.raises(UserError, match=said):
        parse_thresholds(texts)
