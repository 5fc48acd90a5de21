"""Random access to single values of a plain binary column through Parquet's page index.

A dataset's images are stored unchanged, uncompressed and PLAIN, each in its own page. The index at
the end of the file holds the position of each page. So a row's image is one range of bytes, and
random access is as cheap as opening a separate file. Consecutive rows are one range together.
Arrow's reader, in contrast, reads whole row groups. (Apache Parquet format: README "Data Pages",
PageIndex.md, parquet.thrift.)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tag2mask.pipeline.dataset.parquet_thrift import Struct, read_integer, read_struct

ReadRange = Callable[[int, int], bytes]

# Fields of parquet.thrift
_ROW_GROUPS, _COLUMNS, _GROUP_ROWS = 4, 1, 3
_META, _OFFSET_INDEX, _OFFSET_INDEX_SIZE = 3, 4, 5
_ENCODINGS, _PATH, _CODEC = 2, 3, 4
_LOCATIONS, _OFFSET, _SIZE, _FIRST_ROW = 1, 1, 2, 3
_UNCOMPRESSED = _PLAIN = 0
_RLE = 3  # encoding of the definition levels
# First bytes of a page of version 1: field 1, a 32-bit integer, is 0, and another one follows.
_DATA_PAGE_V1 = b"\x15\x00\x15"


@dataclass(frozen=True)
class Pages:
    """The positions of the pages of one column in one row group.

    Attributes:
        starts: (P,) int64, offset of each page in the file, with its header.
        stops: (P,) int64, end of each page in the file.
        rows: (P + 1,) int64, first row of each page, counted in the group, and the number of
            rows.
    """

    starts: np.ndarray
    stops: np.ndarray
    rows: np.ndarray

    def values(self, read: ReadRange, first: int, last: int) -> list[memoryview]:
        """Read the values of consecutive rows with a single read.

        Args:
            read: Function that reads the file's bytes from a start up to a stop.
            first: First row, counted in the row group.
            last: Last row, included.

        Raises:
            ValueError: If a page holds nulls or is of another version.
        """
        low = bisect_right(self.rows, first) - 1
        high = bisect_right(self.rows, last, low) - 1
        start = int(self.starts[low])
        data = memoryview(read(start, int(self.stops[high])))
        found: list[memoryview] = []
        for page in range(low, high + 1):
            body = data[int(self.starts[page]) - start : int(self.stops[page]) - start]
            found += _page_values(body, int(self.rows[page + 1] - self.rows[page]))
        offset = int(self.rows[low])
        return found[first - offset : last - offset + 1]


def locate_pages(read: ReadRange, size: int, columns: Sequence[str]) -> list[dict[str, Pages]]:
    """Find the pages of some columns in each row group of a file.

    Args:
        read: Function that reads the file's bytes from a start up to a stop.
        size: Size of the file in bytes.
        columns: Paths of leaf columns, such as ``image.bytes``.

    Returns:
        The pages by column, for each row group.

    Raises:
        ValueError: If the file is not Parquet, or a column is absent, compressed, encoded or
            without a page index.
    """
    tail = read(size - 8, size)
    if tail[4:] != b"PAR1":
        raise ValueError("it is not a Parquet file")
    footer, _ = read_struct(read(size - 8 - int.from_bytes(tail[:4], "little"), size - 8))
    return [_locate(read, group, columns) for group in footer[_ROW_GROUPS]]


def _locate(read: ReadRange, group: Struct, columns: Sequence[str]) -> dict[str, Pages]:
    chunks = {b".".join(chunk[_META][_PATH]).decode(): chunk for chunk in group[_COLUMNS]}
    found = {}
    for name in columns:
        chunk = chunks.get(name)
        if chunk is None:
            raise ValueError(f"it has no column {name}")
        plain = set(chunk[_META][_ENCODINGS]) <= {_PLAIN, _RLE}
        if chunk[_META][_CODEC] != _UNCOMPRESSED or not plain:
            raise ValueError(f"its column {name} is compressed or encoded, not plain")
        if _OFFSET_INDEX not in chunk:
            raise ValueError(f"its column {name} has no page index")
        start = chunk[_OFFSET_INDEX]
        index, _ = read_struct(read(start, start + chunk[_OFFSET_INDEX_SIZE]))
        pages = index[_LOCATIONS]
        starts = np.array([page[_OFFSET] for page in pages], np.int64)
        found[name] = Pages(
            starts=starts,
            stops=starts + np.array([page[_SIZE] for page in pages], np.int64),
            rows=np.array([*(page[_FIRST_ROW] for page in pages), group[_GROUP_ROWS]], np.int64),
        )
    return found


def _page_values(page: memoryview, rows: int) -> Iterator[memoryview]:
    if page[:3] != _DATA_PAGE_V1:
        raise ValueError("a page of images is not of version 1")
    # The header's second field is the size of the data after the header.
    position = len(page) - read_integer(page, 3)[0]
    # Definition levels, which follow their own size, mark null values. They need no decoding:
    # if there are as many values as rows, no value is null.
    position += 4 + int.from_bytes(page[position : position + 4], "little")
    count = 0
    while position < len(page):
        start = position + 4
        position = start + int.from_bytes(page[position:start], "little")
        count += 1
        yield page[start:position]
    if count != rows:
        raise ValueError(f"a page holds {count} images for {rows} rows")
