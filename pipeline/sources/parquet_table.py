"""Parquet files with images in their rows, as Hugging Face and others write them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from tag2mask.pipeline.sources.columns import Columns, choose_columns
from tag2mask.pipeline.sources.rows import RowsSource
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder, UnreadableError
from tag2mask.pipeline.sources.splits import SPLIT_FOLDERS
from tag2mask.pipeline.tables.parquet import read_group

# A group is read whole for one image of it, and holds Arrow's limit of 2 GiB.
MAX_GROUP_BYTES = 2**30


class ParquetSource(RowsSource):
    """Rows of ``*.parquet``, in the folder, in ``data/`` or in folders named for splits.

    Images are in a column ``image``, ``img``, ``picture``, ``jpg`` or ``png`` as bytes or
    as Hugging Face's struct of bytes and path, or named by a column ``url``, ``uri``,
    ``path`` or ``file``. Tags are in ``tags``, ``labels``, ``label``, ``classes`` or
    ``class``: texts, class numbers, or lists of them; Hugging Face's class names are used.
    """

    kind: ClassVar[str] = "parquet"
    looked_for: ClassVar[str] = "Parquet files with images or URLs and tags (*.parquet)"

    @classmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether there is a Parquet file."""
        return bool(tree.find(".parquet", SPLIT_FOLDERS))

    def files(self) -> list[str]:
        """The Parquet files."""
        return self.tree.find(".parquet", SPLIT_FOLDERS)

    def schema(self, file: str) -> pa.Schema:
        """The Arrow schema of a file."""
        with self._open(file) as parquet:
            return parquet.schema_arrow

    def groups(self, file: str, columns: Columns) -> Iterator[tuple[int, pa.Table]]:
        """The row groups; of embedded images only the paths are read."""
        with self._open(file) as parquet:
            leaves = {parquet.schema.column(i).path for i in range(len(parquet.schema))}
            path = f"{columns.image}.path"
            wanted = [*columns.narrow, *([path] if path in leaves else [])]
            for group in range(parquet.num_row_groups):
                yield group, read_group(parquet, group, wanted)

    def load(self, file: str, group: int) -> pa.ChunkedArray:
        """The images of a row group.

        Raises:
            UnreadableError: If the row group is too large to be read whole.
        """
        with self._open(file) as parquet:
            name = choose_columns(parquet.schema_arrow).image
            metadata = parquet.metadata.row_group(group)
            size = sum(
                column.total_uncompressed_size
                for column in map(metadata.column, range(metadata.num_columns))
                if column.path_in_schema.split(".")[0] == name
            )
            if size > MAX_GROUP_BYTES:
                raise UnreadableError(
                    f"in a row group of {size} bytes: write the file with smaller ones"
                )
            return read_group(parquet, group, [name])[name]

    @contextmanager
    def _open(self, file: str) -> Iterator[pq.ParquetFile]:
        # Not read ahead by Arrow's threads; see read_group.
        with self.tree.open(file) as stream, pq.ParquetFile(stream, pre_buffer=False) as parquet:
            yield parquet
