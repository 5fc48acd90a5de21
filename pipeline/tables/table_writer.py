"""Writing of tables: a killed run loses no work, and a table appears complete or not at all.

While a table is written, its rows are in small staged files outside its folder: readers that take
every Parquet file below a folder would otherwise read half a table. At the commit each shard
becomes one part.

- On a local disk, a folder with all parts and the manifest replaces the table's folder in one
  step.
- An object store cannot rename: the parts are uploaded first and the manifest last. Part names
  carry a hash of their content, so parts of the old and the new version do not collide.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pyarrow as pa

from tag2mask.pipeline.errors import StorageError, UserError
from tag2mask.pipeline.records import Row, shard_of
from tag2mask.pipeline.tables.manifest import (
    MANIFEST,
    Fingerprint,
    Lineage,
    Manifest,
    Part,
    read_manifest,
)
from tag2mask.pipeline.tables.merging import merge_rows
from tag2mask.pipeline.tables.parquet import open_parquet, write_parquet
from tag2mask.pipeline.tables.part_files import older_path
from tag2mask.pipeline.tables.storage import Folder, StoredFile
from tag2mask.pipeline.tables.table import Table, damaged_parts
from tag2mask.pipeline.tables.versions import retained_parts, set_older_parts_aside

SCHEMA_METADATA = b"tag2mask"
PART_NAME = "parts/{shard:05d}"

# Threads for many small staged files on an object store; they mostly wait.
_READERS = 16


class TableWriter:
    """A writer that stages the rows of a table from any number of processes, then commits them.

    It can be pickled to workers. Staged rows outlive the process: a writer of the same key and
    staging folder continues where a killed one stopped.

    Args:
        uri: URI of the table.
        kind: Kind of the rows, such as ``images`` or ``seed``.
        schema: Columns and schema metadata; ``id`` is 64 hexadecimal digits.
        key: Hash of all inputs that determine the rows, see
            :func:`tag2mask.pipeline.tables.manifest.table_key`.
        shards: Number of shards of the run.
        metadata: JSON values for readers: class names, palette, ignore value, recipe. They
            go into the manifest and, as ``b"tag2mask"``, into the metadata of every part.
        staging: A folder outside the table's, for this table and key only.
        lineage: Origin of the rows, and the table to which rows are added, if any.
        part_name: Template of the parts' paths, to which a hash of the content is added. It
            may use the ``shard``, the ``number`` of the part and the ``count`` of all parts.
        describe: Called with the complete table before it appears, to write files that describe
            it into its folder. On a local disk they appear together with the table.

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
        describe: Callable[[Table], None] | None = None,
    ) -> None:
        self._root = Folder(uri)
        self._staging = Folder(staging)
        if "id" not in schema.names or shards < 1:
            raise ValueError(
                f"a table needs a column 'id' and at least one shard, not {schema.names} "
                f"and {shards}"
            )
        if f"{self._staging.uri}/".startswith(f"{self._root.uri}/"):
            raise ValueError(f"the staging folder {staging} must lie outside the table {uri}")
        self.uri = self._root.uri
        self.kind = kind
        self.key = key
        self.shards = shards
        self.metadata = metadata
        self.lineage = lineage
        self._describe = describe
        described = {**metadata, "kind": kind, "key": key, "shards": shards}
        self.schema = schema.with_metadata(
            {**(schema.metadata or {}), SCHEMA_METADATA: json.dumps(described, sort_keys=True)}
        )
        self._staged = self._staging.folder("staged")
        self._part_folder, _, self._part_stem = part_name.rpartition("/")

    def stage(self, rows: Sequence[Row]) -> int:
        """Write rows into the staging folder, one file for each of their shards.

        Only the columns of the schema are kept; missing values become null. The same rows give
        the same file, so a retried task changes nothing.

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
            self._write(self._staged, _staged_stem(shard, len(members)), [table])
        return len(rows)

    def staged_rows(self) -> int:
        """The number of rows staged so far, computed from the names of the staged files."""
        return sum(int(name.split("-")[1]) for name in self._staged.sizes())

    def staged_ids(self) -> set[str]:
        """The ids of the rows staged so far."""
        with ThreadPoolExecutor(_READERS) as readers:
            tables = readers.map(lambda name: self._read(name, ["id"]), self._staged.sizes())
            return {row_id for table in tables for row_id in table["id"].to_pylist()}

    def salvage(self) -> dict[str, str]:
        """Take a damaged table with this key apart and stage its undamaged rows again.

        Parts that it shares with an older version stay as they are: they cannot be made again
        from the same source.

        Returns:
            The state of each damaged part, by path, see
            :func:`tag2mask.pipeline.tables.table.damaged_parts`. Empty if the table is
            undamaged, absent, or has another key.
        """
        try:
            manifest = read_manifest(self._root)
        except UserError:
            return {}
        if manifest.key != self.key:
            return {}
        own = [part for part in manifest.parts if part.revision == self.lineage.revision]
        damaged = damaged_parts(self._root, own)
        if damaged:
            for part in own:
                if part.path not in damaged:
                    self._stage_part(part)
            self._root.remove([MANIFEST])
        return damaged

    def _stage_part(self, part: Part) -> None:
        with self._root.open(part.path) as file:
            self._staged.add(
                lambda copy: shutil.copyfileobj(file, copy),
                lambda digest: f"{_staged_stem(part.shard, part.rows)}-{digest[:16]}.parquet",
            )

    def commit(self) -> Table:
        """Merge the staged rows into the finished table and remove the staging folder.

        Each shard becomes one part, sorted by id, each id once. A previous table at the place
        stays unchanged until all parts are written. Memory holds one shard at a time. Committing
        again after a crash in the middle is safe.
        """
        if not Table.exists(self.uri, self.key):
            self._publish()
        self._clean()
        return Table.open(self.uri)

    def _publish(self) -> None:
        # Object stores cannot rename, so parts are uploaded to their final place, where no
        # manifest names them yet. On a local disk a new folder, which shares the old one's files
        # by links, replaces the old one.
        target = self._root
        if self._root.local:
            target = self._staging.folder("ready")
            target.remove_all()
            target.adopt(self._root, without=[MANIFEST])
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
            parts.append(self._merge(shard, staged[shard], target, stem, fingerprint))
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
        if self._describe is not None:
            self._describe(Table(target, manifest))
        target.write(MANIFEST, manifest.to_bytes())
        if target is not self._root:
            self._tidy(target)
            target.replace(self._root)

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

        stored = self._write(target.folder(self._part_folder), stem, groups())
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
            return parquet.read(columns=columns, use_threads=False)  # see read_group

    def _write(self, folder: Folder, stem: str, groups: Iterable[pa.Table]) -> StoredFile:
        return folder.add(
            lambda file: write_parquet(file, self.schema, groups),
            lambda digest: f"{stem}-{digest[:16]}.parquet",
        )

    def _clean(self) -> None:
        # The table is finished, so files that cannot be removed are no error: a worker that
        # outlived its killed driver may still write there.
        with suppress(OSError, StorageError):
            self._tidy(self._root)
            self._staging.remove_all()

    def _tidy(self, folder: Folder) -> None:
        """Remove the parts that no version names, and set those of older versions aside."""
        named = retained_parts(folder)
        inside = self._part_folder
        for parts in (folder.folder(inside), folder.folder(older_path(inside))):
            parts.remove(name for name in parts.sizes() if f"{inside}/{name}" not in named)
        set_older_parts_aside(folder)


def _staged_stem(shard: int, rows: int) -> str:
    return f"{shard:05d}-{rows:05d}"
