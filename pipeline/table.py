"""Tables: Parquet parts and one manifest, written so that a killed run loses nothing.

A table's folder holds ``manifest.json`` and, in a folder inside, its parts (``parts/*.parquet``
unless the table says otherwise). The manifest, replaced last and in one step, decides which
parts belong to the table; whatever else lies there is not
read. Part names carry a hash of their content, so that the parts of an old and a new
version stand side by side until the manifest has moved from one to the other.

While it is written, a table is a heap of small staged files in a folder outside of its own,
because readers that take every Parquet file below a folder would read half a table.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from typing import Any

import pyarrow as pa

from pipeline.errors import UserError
from pipeline.manifest import MANIFEST, Fingerprint, Lineage, Manifest, Part, read_manifest
from pipeline.merging import merge_rows
from pipeline.parquet import open_parquet, write_parquet
from pipeline.records import Row, shard_of
from pipeline.storage import Folder, StoredFile
from pipeline.versions import read_version, retained_parts

SCHEMA_METADATA = b"tag2mask"
PART_NAME = "parts/{shard:05d}"

# Many small staged files on an object store: reading them is waiting, not computing.
_READERS = 16


class Table:
    """A committed table; :meth:`open` is the way to get one.

    Attributes:
        uri: Absolute URI of its folder.
        manifest: What it is made of.
    """

    def __init__(self, folder: Folder, manifest: Manifest) -> None:
        self.uri = folder.uri
        self.manifest = manifest
        self._folder = folder

    @classmethod
    def open(cls, uri: str, revision: int | None = None) -> Table:
        """Open a table and check that its parts are there with the right sizes.

        Args:
            uri: Of its folder.
            revision: An older version that is still kept; None opens the current one.

        Raises:
            UserError: If the table or version is absent, its manifest is damaged, or a part
                is missing or cut short.
        """
        folder = Folder(uri)
        manifest = read_manifest(folder) if revision is None else read_version(folder, revision)
        sizes = {
            f"{inside}/{name}": size
            for inside in {part.path.rpartition("/")[0] for part in manifest.parts}
            for name, size in folder.folder(inside).sizes().items()
        }
        for part in manifest.parts:
            if sizes.get(part.path) != part.bytes:
                state = "is missing" if part.path not in sizes else "is cut short"
                raise UserError(
                    f"the table {folder.uri} is damaged: {part.path} {state}; remove the "
                    "table's folder and run the step again"
                )
        return cls(folder, manifest)

    @classmethod
    def exists(cls, uri: str, key: str) -> bool:
        """Whether a whole table with this key is at the URI, so that its work is done."""
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
        """Of the (id, mask) pairs, see :class:`pipeline.manifest.Fingerprint`."""
        return self.manifest.fingerprint

    @property
    def metadata(self) -> dict[str, Any]:
        """Class names, palette, ignore value, recipe, model hashes."""
        return self.manifest.metadata

    @cached_property
    def schema(self) -> pa.Schema:
        """The Arrow schema, with the schema metadata of the files."""
        with open_parquet(self._folder, self.manifest.parts[0].path) as parquet:
            return parquet.schema_arrow

    def part_names(self, shard: int) -> tuple[str, ...]:
        """The files of a shard, relative to the table's folder; none when it is empty."""
        return tuple(part.path for part in self.manifest.parts if part.shard == shard)

    def without(self, inputs: Collection[str]) -> Table | None:
        """The same table without some of its parts: what came after something was made of it.

        Args:
            inputs: Names as of :meth:`pipeline.manifest.Manifest.names`.

        Returns:
            None if no part is left.
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
        """The rows, shard after shard, sorted by id inside each part.

        Args:
            columns: Names of the columns to read; None reads all.
            shards: The shards to read; None reads all.
        """
        names = None if columns is None else list(columns)
        for shard in range(self.shards) if shards is None else shards:
            for name in self.part_names(shard):
                with open_parquet(self._folder, name) as parquet:
                    for group in range(parquet.num_row_groups):
                        yield from parquet.read_row_group(group, columns=names).to_pylist()

    def ids(self) -> list[str]:
        """The ids in the order of :meth:`rows`."""
        return [row["id"] for row in self.rows(columns=["id"])]

    def verify(self) -> None:
        """Read every part and compare its SHA-256 with the manifest.

        Raises:
            UserError: If a part has changed since the table was written.
        """
        for part in self.manifest.parts:
            with self._folder.open(part.path) as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
            if digest != part.sha256:
                raise UserError(
                    f"the table {self.uri} is damaged: {part.path} has changed since it was "
                    "written; remove the table's folder and run the step again"
                )


class TableWriter:
    """Stages the rows of a table, from any number of processes, and commits them at the end.

    It can be pickled to workers. What is staged outlives the process: a writer of the same
    key and staging folder continues where a killed one stopped.

    Args:
        uri: Where the table will be.
        kind: What the rows are, such as ``images`` or ``seed``.
        schema: Columns; ``id`` is 64 hexadecimal digits. Its metadata is kept.
        key: Hash of everything the rows follow from, see :func:`pipeline.manifest.table_key`.
        shards: Number of shards of the run.
        metadata: JSON values for readers: class names, palette, ignore value, recipe. They
            go into the manifest and, as ``b"tag2mask"``, into the metadata of every part.
        staging: A folder outside the table's, used by this table and key alone.
        lineage: What it is made of and, where it grows, the table that it adds rows to.
        part_name: Template of the parts' paths, to which a hash of the content is added; it
            may use the ``shard``, the ``number`` of the part and the ``count`` of all parts.

    Raises:
        ValueError: If the schema has no ``id``, or the staging folder is inside the table's.
    """

    def __init__(
        self,
        uri: str,
        *,
        kind: str,
        schema: pa.Schema,
        key: str,
        shards: int,
        metadata: dict[str, Any],
        staging: str,
        lineage: Lineage = Lineage(),  # noqa: B008 - frozen
        part_name: str = PART_NAME,
    ) -> None:
        self._root = Folder(uri)
        self._staging = Folder(staging)
        if "id" not in schema.names or shards < 1:
            raise ValueError("a table has a column 'id' and at least one shard")
        if f"{self._staging.uri}/".startswith(f"{self._root.uri}/"):
            raise ValueError(f"the staging folder {staging} must lie outside the table {uri}")
        self.uri = self._root.uri
        self.kind = kind
        self.key = key
        self.shards = shards
        self.metadata = metadata
        self.lineage = lineage
        described = {**metadata, "kind": kind, "key": key, "shards": shards}
        self.schema = schema.with_metadata(
            {**(schema.metadata or {}), SCHEMA_METADATA: json.dumps(described, sort_keys=True)}
        )
        self._staged = self._staging.folder("staged")
        self._part_folder, _, self._part_stem = part_name.rpartition("/")

    def stage(self, rows: Sequence[Row]) -> int:
        """Write rows into the staging folder: one file for each shard among them.

        Rows are cut down to the columns of the schema; missing values become null. The same
        rows give the same file, so that a retried task changes nothing.

        Args:
            rows: Rows with an ``id``, in any order.

        Returns:
            The number of rows.

        Raises:
            ValueError: If a row has no id, or a value does not fit its column.
        """
        by_shard: dict[int, list[Row]] = defaultdict(list)
        for row in rows:
            if not row.get("id"):
                raise ValueError(f"a row of the table {self.kind!r} has no id")
            by_shard[shard_of(row["id"], self.shards)].append(row)
        for shard, members in sorted(by_shard.items()):
            members.sort(key=lambda row: str(row["id"]))
            records = [{name: row.get(name) for name in self.schema.names} for row in members]
            table = pa.Table.from_pylist(records, schema=self.schema)
            self._write(self._staged, f"{shard:05d}-{len(members):05d}", [table])
        return len(rows)

    def staged_rows(self) -> int:
        """The number of rows staged so far, from the names of the staged files alone."""
        return sum(int(name.split("-")[1]) for name in self._staged.sizes())

    def staged_ids(self) -> set[str]:
        """The ids staged so far."""
        with ThreadPoolExecutor(_READERS) as readers:
            tables = readers.map(lambda name: self._read(name, ["id"]), self._staged.sizes())
            return {row_id for table in tables for row_id in table["id"].to_pylist()}

    def commit(self) -> Table:
        """Merge what is staged into the finished table and remove the staging folder.

        Each shard becomes one part, sorted by id, each id once. Until the manifest is
        replaced, a previous table at the place stays as it was. Memory holds one shard.
        Committing again after a crash in the middle is safe.
        """
        if not Table.exists(self.uri, self.key):
            self._publish()
        self._clean()
        return Table.open(self.uri)

    def _publish(self) -> None:
        # Object stores cannot rename, so parts are uploaded into place, where no manifest
        # names them yet. On a local disk they wait in staging until all of them are done.
        home = self._root.folder(self._part_folder)
        ready = self._staging.folder("ready") if self._root.local else home
        staged: dict[int, list[str]] = defaultdict(list)
        for name in self._staged.sizes():
            staged[int(name.split("-")[0])].append(name)
        base = self.lineage.base
        fingerprint = Fingerprint(base.fingerprint) if base else Fingerprint()
        # An empty table has one empty part, so that its schema can be read.
        shards = sorted(staged) or ([] if base else [0])
        parts = []
        for number, shard in enumerate(shards):
            stem = self._part_stem.format(shard=shard, number=number, count=len(shards))
            parts.append(self._merge(shard, staged[shard], ready, stem, fingerprint))
        if ready is not home:
            for part in parts:
                ready.move(part.path.rpartition("/")[2], home)
        parts = sorted([*(base.parts if base else ()), *parts], key=lambda part: part.shard)
        manifest = Manifest(
            kind=self.kind,
            key=self.key,
            shards=self.shards,
            parts=tuple(parts),
            rows=sum(part.rows for part in parts),
            fingerprint=fingerprint.hexdigest(),
            metadata=self.metadata,
            revision=self.lineage.revision,
            inputs=self.lineage.inputs,
        )
        self._root.write(MANIFEST, manifest.to_bytes())

    def _merge(
        self, shard: int, names: list[str], target: Folder, stem: str, fingerprint: Fingerprint
    ) -> Part:
        with ThreadPoolExecutor(_READERS) as readers:
            tables = list(readers.map(self._read, names))
        rows = 0

        def groups() -> Iterator[pa.Table]:
            nonlocal rows
            for group in merge_rows(tables, self.schema):
                fingerprint.add(group)
                rows += group.num_rows
                yield group

        stored = self._write(target, stem, groups())
        return Part(
            path=f"{self._part_folder}/{stored.name}",
            shard=shard,
            rows=rows,
            bytes=stored.bytes,
            sha256=stored.sha256,
            revision=self.lineage.revision,
        )

    def _read(self, name: str, columns: list[str] | None = None) -> pa.Table:
        with open_parquet(self._staged, name) as parquet:
            return parquet.read(columns=columns)

    def _write(self, folder: Folder, stem: str, groups: Iterable[pa.Table]) -> StoredFile:
        return folder.add(
            lambda file: write_parquet(file, self.schema, groups),
            lambda digest: f"{stem}-{digest[:16]}.parquet",
        )

    def _clean(self) -> None:
        # The table is finished: what cannot be removed (a worker that outlived its killed
        # driver may still be writing there) is litter, no failure.
        named = retained_parts(self._root)
        inside = self._part_folder
        parts = self._root.folder(inside)
        with suppress(OSError):
            parts.remove(name for name in parts.sizes() if f"{inside}/{name}" not in named)
            self._staging.remove_all()
