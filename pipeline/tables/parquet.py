"""Parquet files as this project writes them: images plain, the rest small, bytes repeatable."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.storage import Folder

# The fewest rows of a row group, unless a file is smaller; the most are 127.
ROW_GROUP = 64
# Small enough that an image has a page of its own: with the page index, a reader fetches
# one row's image and nothing else.
_PAGE_BYTES = 1024


def write_parquet(file: IO[bytes], schema: pa.Schema, groups: Iterable[pa.Table]) -> None:
    """Write a Parquet file; the same groups give the same bytes.

    Binary columns hold images, which are compressed already: they stay plain, without
    dictionary. Statistics are kept for scalar columns alone, because those of a binary
    column would repeat two whole images for each row group in the file's footer.

    Args:
        file: Where to write.
        schema: Columns and schema metadata.
        groups: Tables of this schema, each of which becomes one row group.
    """
    with pq.ParquetWriter(
        file,
        schema,
        write_page_index=True,
        write_page_checksum=True,
        data_page_size=_PAGE_BYTES,
        write_batch_size=1,  # the size of a page is looked at once a batch
        **_options(schema),
    ) as writer:
        for group in groups:
            writer.write_table(group, row_group_size=max(1, group.num_rows))


def _options(schema: pa.Schema) -> dict[str, Any]:
    # The names of leaf columns (image.bytes, tags.list.element) are the format's business:
    # an empty file tells them.
    empty = io.BytesIO()
    pq.write_table(schema.empty_table(), empty)
    columns = pq.ParquetFile(empty).schema
    leaves = [columns.column(index) for index in range(len(columns))]
    binary = {
        leaf.path
        for leaf in leaves
        if leaf.physical_type == "BYTE_ARRAY" and leaf.logical_type.type == "NONE"
    }
    scalars = {field.name for field in schema if not pa.types.is_nested(field.type)}
    return {
        "compression": {leaf.path: "none" if leaf.path in binary else "zstd" for leaf in leaves},
        "use_dictionary": [leaf.path for leaf in leaves if leaf.path not in binary],
        "write_statistics": [leaf.path for leaf in leaves if leaf.path in scalars - binary],
    }


def parquet_file(file: IO[bytes]) -> pq.ParquetFile:
    """A Parquet file whose pages are compared with their checksums; see :func:`read_group`."""
    return pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=False)


def read_group(parquet: pq.ParquetFile, index: int, columns: list[str] | None = None) -> pa.Table:
    """A row group, read in this thread alone.

    Arrow's threads let go of what they have read of Python's file some time after it is used. One
    that does so when the interpreter has ended aborts the process, whose work is done (Arrow's
    issue 34314; seen on a busy processor).
    """
    return parquet.read_row_group(index, columns=columns, use_threads=False)


@contextmanager
def open_parquet(folder: Folder, name: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file for reading, compare its pages with their checksums, and close it.

    Raises:
        UserError: If it is damaged.
        FileNotFoundError: If it is not there.
    """
    try:
        with folder.open(name) as file, parquet_file(file) as parquet:
            yield parquet
    except (pa.ArrowInvalid, OSError) as error:
        if getattr(error, "errno", None):  # the system's, not Arrow's
            raise
        raise UserError(
            f"the file {folder.uri}/{name} is damaged ({error}): remove it and run the command "
            "again that wrote it"
        ) from error


def read_matching(
    parquet: pq.ParquetFile, ids: Collection[str], columns: list[str] | None
) -> Iterator[Row]:
    """The rows of some ids, from a file that is sorted by id.

    Args:
        parquet: The file; row groups whose range of ids holds none of ``ids`` are not read.
        ids: The ids, with or without those that the file does not hold.
        columns: Columns to read besides ``id``; None reads all.
    """
    wanted = sorted(ids)
    if not wanted:
        return
    if columns is not None and "id" not in columns:
        columns = ["id", *columns]
    leaf = next(i for i in range(len(parquet.schema)) if parquet.schema.column(i).path == "id")
    for index in range(parquet.num_row_groups):
        statistics = parquet.metadata.row_group(index).column(leaf).statistics
        if statistics is not None and statistics.has_min_max:
            low, high = statistics.min, statistics.max
            if not any(low <= row_id <= high for row_id in wanted):
                continue
        group = read_group(parquet, index, columns)
        yield from select_rows(group, set(wanted))


def select_rows(group: pa.Table, ids: Collection[str]) -> Iterator[Row]:
    """The rows of a table whose id is wanted, in the table's order."""
    for index, row_id in enumerate(group["id"].to_pylist()):
        if row_id in ids:
            yield from group.slice(index, 1).to_pylist()
