"""Verify: a whole dataset against its manifest and its own promises."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.publication.publish import DATASET_SCHEMA
from tag2mask.pipeline.publication.verify.issue import Fault
from tag2mask.pipeline.publication.verify.layout import layout_faults
from tag2mask.pipeline.publication.verify.metadata_checks import paper_faults
from tag2mask.pipeline.publication.verify.rows import row_faults
from tag2mask.pipeline.records import shard_of
from tag2mask.pipeline.tables.manifest import Fingerprint, Manifest, Part, read_manifest
from tag2mask.pipeline.tables.parquet import parquet_file, read_group
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.versions import retained_parts


def verify(uri: str, threads: int = 2) -> Iterator[Fault]:
    """Finds every fault of a dataset: files, layout, rows, images, masks, card.

    Args:
        uri: The dataset.
        threads: That decode images.

    Raises:
        UserError: If there is no published dataset.
    """
    folder = Folder(uri)
    manifest = read_manifest(folder)
    if "publish" not in manifest.metadata:
        raise UserError(f"{uri} is a table of a run: give its published dataset, RUN/dataset")
    yield from _stray_files(folder, manifest)
    with ThreadPoolExecutor(threads) as pool:
        yield from _Check(folder, manifest, pool).faults()
    yield from paper_faults(folder, Table(folder, manifest))


def _stray_files(folder: Folder, manifest: Manifest) -> Iterator[Fault]:
    """Parquet files that no version names: whoever reads all files of a folder reads them."""
    named = retained_parts(folder)
    for inside in sorted({part.path.rpartition("/")[0] for part in manifest.parts}):
        for name in folder.folder(inside).sizes():
            if f"{inside}/{name}" not in named:
                yield Fault(f"{inside}/{name}", "belongs to no version of the dataset")


class _Check:
    """Goes through the files once and adds up what only the whole can tell."""

    def __init__(self, folder: Folder, manifest: Manifest, pool: ThreadPoolExecutor) -> None:
        self.folder = folder
        self.manifest = manifest
        self.pool = pool
        self.classes: list[str] = manifest.metadata["classes"]
        self.fingerprint = Fingerprint()
        self.seen: set[str] = set()

    def faults(self) -> Iterator[Fault]:
        unreadable = False
        for part in self.manifest.parts:
            try:
                yield from self._file(part)
            except FileNotFoundError:
                unreadable = True
                yield Fault(part.path, "is missing")
            except (OSError, pa.ArrowException) as error:
                unreadable = True
                yield Fault(part.path, f"cannot be read: {' '.join(str(error).split())}")
        if sum(part.rows for part in self.manifest.parts) != self.manifest.rows:
            yield Fault("manifest.json", "its rows are not the sum of its files' rows")
        if not unreadable and self.fingerprint.hexdigest() != self.manifest.fingerprint:
            yield Fault("manifest.json", "its fingerprint is not that of the masks")

    def _file(self, part: Part) -> Iterator[Fault]:
        with self.folder.open(part.path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
            size = file.tell()
            if size != part.bytes:
                yield Fault(part.path, f"has {size:,} bytes, not {part.bytes:,}")
            if digest != part.sha256:
                yield Fault(part.path, "its SHA-256 is not that of the manifest")
            file.seek(0)
            with parquet_file(file) as parquet:
                yield from self._parquet(part, parquet)

    def _parquet(self, part: Part, parquet: pq.ParquetFile) -> Iterator[Fault]:
        if parquet.metadata.num_rows != part.rows:
            yield Fault(part.path, f"has {parquet.metadata.num_rows:,} rows, not {part.rows:,}")
        for what in layout_faults(parquet, self.classes):
            yield Fault(part.path, what)
        if set(DATASET_SCHEMA.names) - set(parquet.schema_arrow.names):
            return  # rows without their columns cannot be checked
        before = ""
        for index in range(parquet.num_row_groups):
            group = read_group(parquet, index)
            self.fingerprint.add(group)
            rows = group.to_pylist()
            found = self.pool.map(partial(row_faults, classes=len(self.classes)), rows)
            for row, faults in zip(rows, found, strict=True):
                place = f"{part.path}, row {row['id']}"
                yield from (Fault(place, what) for what in faults)
                yield from (Fault(place, what) for what in self._id_faults(row["id"], before, part))
                before = row["id"] or before

    def _id_faults(self, row_id: str | None, before: str, part: Part) -> Iterator[str]:
        if not row_id:
            return
        if row_id in self.seen:
            yield "the id is there twice"
        self.seen.add(row_id)
        if row_id < before:
            yield "the rows are not sorted by id"
        try:
            shard = shard_of(row_id, self.manifest.shards)
        except ValueError:
            return  # no hash: named with the row
        if shard != part.shard:
            yield f"the row belongs to shard {shard}, not {part.shard}"
