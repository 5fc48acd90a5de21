"""Packing: rows come back unchanged, with any value that a stage may put into them."""

from __future__ import annotations

import numpy as np
import pytest

from tag2mask.pipeline.engine.packing import pack, unpack


def test_plain_values_come_back_with_their_types() -> None:
    row = {
        "id": "ä",
        "image": {"bytes": b"\x00\xff", "path": None},
        "tags": [],
        "scores": [b"", b"a"],
        "flag": False,
        "count": 2**40,
        "share": 0.1,
        "seed": {"area": None, "nested": {"list": [[1], [2.5, None]]}},
        "by_class": {1: "cat"},
    }
    assert repr(unpack(pack(row))) == repr(row)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.zeros((0, 4), np.uint8),
        np.array(7, np.int64),
        np.array([True, False]),
        np.asfortranarray(np.arange(6, dtype=">i2").reshape(2, 3)),
    ],
)
def test_arrays_come_back_writable(array: np.ndarray) -> None:
    found = unpack(pack({"map": array}))["map"]
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(found, array)
    assert found.flags.writeable


def test_scalars_become_numbers() -> None:
    found = unpack(pack({"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True)}))
    assert repr(found) == "{'a': 0.5, 'b': 3, 'c': True}"


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array(["text"])])
def test_values_that_cannot_be_packed_are_refused(value: object) -> None:
    with pytest.raises(TypeError, match=type(value).__name__):
        pack({"value": value})
