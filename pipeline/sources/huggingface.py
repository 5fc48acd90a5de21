"""Hugging Face data sets on disk, as ``save_to_disk`` leaves them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, ClassVar

import pyarrow as pa

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources.columns import Columns, choose_columns
from tag2mask.pipeline.sources.rows import RowsSource
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder, UnreadableError

STATE = "state.json"
SPLITS = "dataset_dict.json"


class HuggingFaceSource(RowsSource):
    """A folder with ``state.json`` and Arrow streams, or one such folder for each split.

    Columns are chosen as for Parquet. A stream is listed in one pass, and a batch is found
    again by its place in the file.
    """

    kind: ClassVar[str] = "huggingface"
    looked_for: ClassVar[str] = f"a Hugging Face data set on disk ({STATE} or {SPLITS})"

    @classmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether there is a data set or a dictionary of them."""
        files = tree.files()
        return SPLITS in files or (STATE in files and any(f.endswith(".arrow") for f in files))

    def files(self) -> list[str]:
        """The Arrow files that the states name: others are caches of ``map`` and ``filter``.

        Raises:
            UserError: If a state cannot be read.
        """
        if SPLITS not in self.tree.files():
            return self._files_of("")
        splits = self._names(SPLITS, lambda value: [str(name) for name in value["splits"]])
        return [file for split in splits for file in self._files_of(split)]

    def split_of(self, file: str) -> str | None:
        """The split that the data set itself names: the folder of the file."""
        return file.partition("/")[0] if "/" in file else super().split_of(file)

    def schema(self, file: str) -> pa.Schema:
        """The Arrow schema of a stream."""
        with self._open(file) as stream:
            return pa.ipc.read_schema(stream)

    def groups(self, file: str, columns: Columns) -> Iterator[tuple[int, pa.Table]]:
        """The record batches by their offsets."""
        with self._open(file) as stream:
            schema = pa.ipc.read_schema(stream)
            while True:
                offset = stream.tell()
                try:
                    message = pa.ipc.read_message(stream)
                except EOFError:
                    return
                batch = pa.ipc.read_record_batch(message, schema)
                yield offset, _narrow(pa.Table.from_batches([batch]), columns)

    def load(self, file: str, group: int) -> pa.ChunkedArray:
        """The images of a batch."""
        with self._open(file) as stream:
            schema = pa.ipc.read_schema(stream)
            stream.seek(group)
            batch = pa.ipc.read_record_batch(pa.ipc.read_message(stream), schema)
        return pa.Table.from_batches([batch])[choose_columns(schema).image]

    def _files_of(self, folder: str) -> list[str]:
        place = f"{folder}/" if folder else ""
        names = self._names(
            f"{place}{STATE}", lambda state: [entry["filename"] for entry in state["_data_files"]]
        )
        return [f"{place}{name}" for name in names]

    def _names(self, file: str, choose: Callable[[Any], list[str]]) -> list[str]:
        """Names in a JSON file."""
        try:
            return choose(json.loads(self.tree.read(file)))
        except (UnreadableError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"cannot read {file} of {self.uri} ({error}): save the data set again"
            ) from error

    @contextmanager
    def _open(self, file: str) -> Iterator[IO[bytes]]:
        with self.tree.open(file) as raw, pa.PythonFile(raw, mode="r") as stream:
            yield stream


def _narrow(rows: pa.Table, columns: Columns) -> pa.Table:
    narrow = rows.select(columns.narrow)
    images = rows[columns.image]
    if columns.embedded and any(field.name == "path" for field in _fields(images.type)):
        paths = pa.chunked_array([chunk.field("path") for chunk in images.chunks])
        narrow = narrow.append_column(columns.image, paths)
    return narrow


def _fields(kind: pa.DataType) -> list[pa.Field]:
    return list(kind) if pa.types.is_struct(kind) else []
