"""Thrift's compact protocol, reduced to the needs of Parquet's footers and page headers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

Struct = dict[int, Any]


def read_struct(data: bytes | memoryview, position: int = 0) -> tuple[Struct, int]:
    """Read one struct without its schema.

    Args:
        data: Bytes that hold the struct.
        position: Position of the struct, in bytes.

    Returns:
        The values by field number, and the position after the struct. Nested structs are
        dictionaries; binaries and strings are bytes.
    """
    reader = _Reader(data, position)
    return reader.struct(), reader.position


def read_integer(data: bytes | memoryview, position: int) -> tuple[int, int]:
    """Read the value of an integer field.

    Args:
        data: Bytes that hold the value.
        position: Position of the value, in bytes.

    Returns:
        The value, and the position after it.
    """
    value, position = _varint(data, position)
    return (value >> 1) ^ -(value & 1), position  # zigzag


def _varint(data: bytes | memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
        shift += 7


class _Reader:
    def __init__(self, data: bytes | memoryview, position: int) -> None:
        self.data = data
        self.position = position
        self._read: dict[int, Callable[[], Any]] = {
            1: lambda: True,
            2: lambda: False,
            3: self._byte,
            4: self.integer,
            5: self.integer,
            6: self.integer,
            7: self._double,
            8: self._binary,
            9: self._list,
            10: self._list,
            12: self.struct,
        }

    def struct(self) -> Struct:
        values: Struct = {}
        field = 0
        while header := self._byte():
            # The high half is the distance to the previous field; after 0 the number follows.
            field = field + (header >> 4) if header >> 4 else self.integer()
            values[field] = self._read[header & 15]()
        return values

    def _byte(self) -> int:
        value = self.data[self.position]
        self.position += 1
        return value

    def integer(self) -> int:
        value, self.position = read_integer(self.data, self.position)
        return value

    def _size(self) -> int:
        value, self.position = _varint(self.data, self.position)
        return value

    def _double(self) -> float:
        (value,) = struct.unpack_from("<d", self.data, self.position)
        self.position += 8
        return value

    def _binary(self) -> bytes:
        size = self._size()
        value = bytes(self.data[self.position : self.position + size])
        self.position += size
        return value

    def _list(self) -> list[Any]:
        header = self._byte()
        size, kind = header >> 4, header & 15
        if size == 15:
            size = self._size()
        # In a list, each boolean is one byte.
        read = (lambda: self._byte() == 1) if kind in (1, 2) else self._read[kind]
        return [read() for _ in range(size)]
