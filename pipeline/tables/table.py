"""Tables: Parquet parts and one manifest, which alone decides which parts belong to a table.

A table's folder holds ``manifest.json`` and, in a subfolder, its parts (by default
``parts/*.parquet``). Parts that only older versions name are elsewhere, see
:mod:`tag2mask.pipeline.tables.part_files`. Other files in the folder are ignored.
:mod:`tag2mask.pipeline.tables.table_writer` writes tables.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import pyarrow as pa

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.manifest import Manifest, Part, read_manifest
from tag2mask.pipeline.tables.parquet import read_group
from tag2mask.pipeline.tables.part_files import find_parts, open_part, use_part
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.versions import read_version

# Threads that mostly wait for the storage.
_READERS = 8


class Table:
    """A committed table; open it with :meth:`open`.

    Attributes:
        uri: Absolute URI of the table's folder.
        manifest: The table's manifest.
    """

    def __init__(self, folder: Folder, manifest: Manifest) -> None:
        self.uri = folder.uri
        self.manifest = manifest
        self._folder = folder

    @classmethod
    def open(cls, uri: str, revision: int | None = None) -> Table:
        """Open a table and check that its parts exist with the right sizes.

        Args:
            uri: URI of the table's folder.
            revision: Number of an older version that was kept; None opens the current one.

        Raises:
            UserError: If the table or version is absent, its manifest is damaged, or a part
                is missing or cut short.
        """
        folder = Folder(uri)
        manifest = read_manifest(folder) if revision is None else read_version(folder, revision)
        for path, state in _wrong_sizes(folder, manifest.parts).items():
            raise _damaged(folder, path, state)
        return cls(folder, manifest)

    @classmethod
    def exists(cls, uri: str, key: str) -> bool:
        """Whether a complete table with this key is at the URI, so that its work is done."""
        try:
            return cls.open(uri).manifest.key == key
        except UserError:
            return False

    def __len__(self) -> int:
        """The number of rows."""
        return self.manifest.rows

    @property
    def shards(self) -> int:
        """The number of shards; shard k of every table of a run holds the same ids."""
        return self.manifest.shards

    @property
    def fingerprint(self) -> str:
        """Hash of all masks, see :class:`tag2mask.pipeline.tables.manifest.Fingerprint`."""
        return self.manifest.fingerprint

    @property
    def metadata(self) -> dict[str, Any]:
        """Class names, palette, ignore value, recipe, model hashes."""
        return self.manifest.metadata

    @property
    def files(self) -> list[str]:
        """The URIs of the parts, for readers of plain Parquet files.

        Use these instead of a pattern of names while a run replaces a table on an object store:
        a store cannot put several objects in place at once.
        """
        paths = [part.path for part in self.manifest.parts]
        found = find_parts(self._folder, paths)
        return [f"{self.uri}/{found[path][0] if path in found else path}" for path in paths]

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema, with the schema metadata of the files."""
        with open_part(self._folder, self.manifest.parts[0].path) as parquet:
            return parquet.schema_arrow

    def part_names(self, shard: int) -> tuple[str, ...]:
        """The paths of a shard's parts, relative to the table's folder; empty for no rows."""
        return tuple(part.path for part in self.manifest.parts if part.shard == shard)

    def without(self, inputs: Collection[str]) -> Table | None:
        """The same table without some of its parts.

        So a table made from earlier parts finds the parts that were added since then.

        Args:
            inputs: Names of the parts to leave out, as
                :meth:`tag2mask.pipeline.tables.manifest.Manifest.names` gives them.

        Returns:
            The table with the other parts; None if no part is left.
        """
        known = set(inputs)
        names = zip(self.manifest.names(), self.manifest.parts, strict=True)
        parts = tuple(part for name, part in names if name not in known)
        rows = sum(part.rows for part in parts)
        changes = {"parts": parts, "rows": rows}
        return Table(self._folder, self.manifest.model_copy(update=changes)) if parts else None

    def rows(
        self, columns: Iterable[str] | None = None, shards: Iterable[int] | None = None
    ) -> Iterator[Row]:
        """Iterate the rows, shard after shard, sorted by id inside each part.

        Args:
            columns: Names of the columns to read; None reads all.
            shards: Numbers of the shards to read; None reads all.
        """
        names = None if columns is None else list(columns)
        for shard in range(self.shards) if shards is None else shards:
            for name in self.part_names(shard):
                with open_part(self._folder, name) as parquet:
                    for group in range(parquet.num_row_groups):
                        yield from read_group(parquet, group, names).to_pylist()

    def ids(self) -> list[str]:
        """The ids in the order of :meth:`rows`."""
        return [row["id"] for row in self.rows(columns=["id"])]

    def verify(self) -> None:
        """Read every part and compare its SHA-256 with the manifest.

        Raises:
            UserError: If a part has changed since the table was written.
        """
        for path, state in _changed(self._folder, self.manifest.parts).items():
            raise _damaged(self._folder, path, state)


def damaged_parts(folder: Folder, parts: Collection[Part]) -> dict[str, str]:
    """Find the parts that differ from the manifest.

    On a local disk every part is read. On an object store only the sizes are compared: stores
    check their own data, and reading a large table again would take hours.

    Args:
        folder: Folder of the table.
        parts: The parts of the manifest.

    Returns:
        The state of each damaged part, by path: ``is missing``, ``is cut short`` or ``has changed
        since it was written``.
    """
    found = _wrong_sizes(folder, parts)
    if folder.local:
        found.update(_changed(folder, [part for part in parts if part.path not in found]))
    return found


def _wrong_sizes(folder: Folder, parts: Collection[Part]) -> dict[str, str]:
    found = find_parts(folder, [part.path for part in parts])
    return {
        part.path: "is missing" if part.path not in found else "is cut short"
        for part in parts
        if part.path not in found or found[part.path][1] != part.bytes
    }


def _changed(folder: Folder, parts: Collection[Part]) -> dict[str, str]:
    def changed(part: Part) -> bool:
        with use_part(folder, part.path, folder.open) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        return digest != part.sha256

    with ThreadPoolExecutor(_READERS) as readers:
        found = zip(parts, readers.map(changed, parts), strict=True)
        return {part.path: "has changed since it was written" for part, bad in found if bad}


def _damaged(folder: Folder, path: str, state: str) -> UserError:
    return UserError(
        f"the table {folder.uri} is damaged: {path} {state}; run the command again that wrote "
        "the table: it makes the part again"
    )
