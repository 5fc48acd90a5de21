"""Parquet files of this project: images plain, other columns small, bytes reproducible."""

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

# The smallest number of rows of a row group, unless the file is smaller; the largest is 127.
ROW_GROUP = 64
# So small that each image has its own page: with the page index, a reader fetches only one
# row's image.
_PAGE_BYTES = 1024


def write_parquet(file: IO[bytes], schema: pa.Schema, groups: Iterable[pa.Table]) -> None:
    """Write a Parquet file; the same groups give the same bytes.

    Binary columns hold images, which are already compressed: they stay plain, without a
    dictionary. Only scalar columns have statistics, because those of a binary column would
    repeat two whole images for each row group in the file's footer.

    Args:
        file: The open file.
        schema: Columns and schema metadata.
        groups: Tables of this schema; each becomes one row group.
    """
    with pq.ParquetWriter(
        file,
        schema,
        write_page_index=True,
        write_page_checksum=True,
        data_page_size=_PAGE_BYTES,
        write_batch_size=1,  # the writer checks the size of a page once for each batch
        **_options(schema),
    ) as writer:
        for group in groups:
            writer.write_table(group, row_group_size=max(1, group.num_rows))


def _options(schema: pa.Schema) -> dict[str, Any]:
    # The format decides the names of leaf columns (image.bytes, tags.list.element), so they are
    # read from an empty file.
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
    """Open a Parquet file that compares its pages with their checksums, see :func:`read_group`."""
    return pq.ParquetFile(file, page_checksum_verification=True, pre_buffer=False)


def read_group(parquet: pq.ParquetFile, index: int, columns: list[str] | None = None) -> pa.Table:
    """Read a row group in this thread only.

    Arrow's own threads release the data of a Python file some time after its use. A thread that
    does so after the interpreter has ended aborts the finished process (Arrow's issue 34314; seen
    on a busy processor).

    Args:
        parquet: The open file.
        index: Number of the row group.
        columns: Names of the columns; None reads all.
    """
    return parquet.read_row_group(index, columns=columns, use_threads=False)


@contextmanager
def open_parquet(folder: Folder, name: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file for reading, compare its pages with their checksums, and close it.

    Args:
        folder: Folder of the file.
        name: Path of the file inside the folder.

    Raises:
        UserError: If the file is damaged.
        FileNotFoundError: If the file does not exist.
    """
    try:
        with folder.open(name) as file, parquet_file(file) as parquet:
            yield parquet
    except (pa.ArrowInvalid, OSError) as error:
        # An error of the system, not of Arrow; object stores set no number.
        if isinstance(error, FileNotFoundError) or getattr(error, "errno", None):
            raise
        raise UserError(
            f"the file {folder.uri}/{name} is damaged ({error}): remove it, then run the command "
            "again that wrote it"
        ) from error


def read_matching(
    parquet: pq.ParquetFile, ids: Collection[str], columns: list[str] | None
) -> Iterator[Row]:
    """Read the rows of some ids from a file that is sorted by id.

    Args:
        parquet: The open file. Row groups whose range of ids holds none of ``ids`` are not read.
        ids: The wanted ids; the file need not hold all of them.
        columns: Columns to read in addition to ``id``; None reads all.

    Yields:
        The rows in the order of the file.
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
    """Yield the rows of a table that have one of the ids, in the table's order."""
    for index, row_id in enumerate(group["id"].to_pylist()):
        if row_id in ids:
            yield from group.slice(index, 1).to_pylist()
