"""Rows as single binary values, so that they cross a cluster exactly as they are.

Ray Data would infer an Arrow type for each column of each block:

- Lists would become arrays.
- A column of only None would get a type that fits no other block.
- Maps of different sizes would get private extension types.

MessagePack keeps None, lists, nested rows and bytes as they are. It needs no schema and copies
images once. Unlike pickle, it runs no code when it is read.
"""

from __future__ import annotations

import json
from typing import Any

import msgpack
import numpy as np

from tag2mask.pipeline.records import Row

_ARRAY = 1


def pack(row: Row) -> bytes:
    """Encode a row as bytes.

    Args:
        row: Values of these types: None, bool, int, float, str, bytes, lists and dictionaries
            of these, numpy arrays of numbers (any shape) and numpy scalars.

    Raises:
        TypeError: If the row holds a value of another type.
    """
    return msgpack.packb(row, default=_encode)


def unpack(data: bytes) -> Row:
    """Decode the bytes of :func:`pack`.

    Tuples come back as lists and numpy scalars as numbers. Arrays come back as copies that a
    stage may write to.
    """
    return msgpack.unpackb(data, ext_hook=_decode, strict_map_key=False)


def _encode(value: object) -> Any:  # noqa: ANN401 - anything that msgpack can encode
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        header = json.dumps([value.dtype.str, value.shape]).encode() + b"\n"
        return msgpack.ExtType(_ARRAY, header + value.tobytes())
    raise TypeError(f"a row cannot hold a value of type {type(value).__name__}")


def _decode(code: int, data: bytes) -> Any:  # noqa: ANN401 - anything that was encoded
    if code != _ARRAY:
        raise ValueError(f"unknown MessagePack extension {code}")
    header, _, content = data.partition(b"\n")
    dtype, shape = json.loads(header)
    return np.frombuffer(content, np.dtype(dtype)).reshape(shape).copy()
