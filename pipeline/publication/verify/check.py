"""Verify: a whole dataset against its manifest and its own promises."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.progress import SILENT, Reporter
from tag2mask.pipeline.publication.publish import ADDED_COLUMNS, DATASET_SCHEMA
from tag2mask.pipeline.publication.verify.issue import Issue
from tag2mask.pipeline.publication.verify.layout import layout_issues
from tag2mask.pipeline.publication.verify.metadata_checks import metadata_issues
from tag2mask.pipeline.publication.verify.rows import row_issues
from tag2mask.pipeline.records import shard_of
from tag2mask.pipeline.tables.manifest import Fingerprint, Manifest, Part, read_manifest
from tag2mask.pipeline.tables.parquet import parquet_file, read_group
from tag2mask.pipeline.tables.part_files import older_path
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.versions import retained_parts


def verify(uri: str, threads: int = 2, reporter: Reporter = SILENT) -> Iterator[Issue]:
    """Find every issue of a dataset: files, layout, rows, images, masks, card.

    Args:
        uri: Folder of the dataset, or any fsspec URI.
        threads: Number of threads that decode images.
        reporter: Shows the progress.

    Raises:
        UserError: If there is no published dataset.
    """
    folder = Folder(uri)
    manifest = read_manifest(folder)
    if "publish" not in manifest.metadata:
        raise UserError(f"{uri} is a table of a run: give its published dataset, RUN/dataset")
    yield from _stray_files(folder, manifest)
    with ThreadPoolExecutor(threads) as pool:
        update = reporter.rows("verify", manifest.rows)
        yield from _Check(folder, manifest, pool, update).issues()
    yield from metadata_issues(folder, Table(folder, manifest))


def _stray_files(folder: Folder, manifest: Manifest) -> Iterator[Issue]:
    """Parquet files that no version names: a reader of the whole folder would read them too."""
    named = retained_parts(folder)
    for inside in sorted({part.path.rpartition("/")[0] for part in manifest.parts}):
        for place in (inside, older_path(inside)):
            for name in folder.folder(place).sizes():
                if f"{inside}/{name}" not in named:
                    yield Issue(f"{place}/{name}", "belongs to no version of the dataset")


class _Check:
    """One pass over the files, which also adds up the totals of the whole dataset."""

    def __init__(
        self,
        folder: Folder,
        manifest: Manifest,
        pool: ThreadPoolExecutor,
        update: Callable[[int], None],
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.pool = pool
        self.update = update
        self.checked = 0
        self.classes: list[str] = manifest.metadata["classes"]
        self.fingerprint = Fingerprint()
        self.seen: set[str] = set()

    def issues(self) -> Iterator[Issue]:
        unreadable = False
        for part in self.manifest.parts:
            try:
                yield from self._file(part)
            except FileNotFoundError:
                unreadable = True
                yield Issue(part.path, "is missing")
            except (OSError, pa.ArrowException) as error:
                unreadable = True
                yield Issue(part.path, f"cannot be read: {' '.join(str(error).split())}")
        if sum(part.rows for part in self.manifest.parts) != self.manifest.rows:
            yield Issue("manifest.json", "its rows are not the sum of its files' rows")
        if not unreadable and self.fingerprint.hexdigest() != self.manifest.fingerprint:
            yield Issue("manifest.json", "its fingerprint is not that of the masks")

    def _file(self, part: Part) -> Iterator[Issue]:
        with self.folder.open(part.path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
            size = file.tell()
            if size != part.bytes:
                yield Issue(part.path, f"has {size:,} bytes, not {part.bytes:,}")
            if digest != part.sha256:
                yield Issue(part.path, "its SHA-256 is not that of the manifest")
            file.seek(0)
            with parquet_file(file) as parquet:
                yield from self._parquet(part, parquet)

    def _parquet(self, part: Part, parquet: pq.ParquetFile) -> Iterator[Issue]:
        if parquet.metadata.num_rows != part.rows:
            yield Issue(part.path, f"has {parquet.metadata.num_rows:,} rows, not {part.rows:,}")
        for message in layout_issues(parquet, self.classes):
            yield Issue(part.path, message)
        if set(DATASET_SCHEMA.names) - {*parquet.schema_arrow.names, *ADDED_COLUMNS}:
            return  # rows without their columns cannot be checked
        before = ""
        for index in range(parquet.num_row_groups):
            group = read_group(parquet, index)
            self.fingerprint.add(group)
            rows = group.to_pylist()
            found = self.pool.map(partial(row_issues, classes=len(self.classes)), rows)
            self.checked += len(rows)
            self.update(self.checked)
            for row, issues in zip(rows, found, strict=True):
                place = f"{part.path}, row {row['id']}"
                yield from (Issue(place, message) for message in issues)
                yield from (
                    Issue(place, message) for message in self._id_issues(row["id"], before, part)
                )
                before = row["id"] or before

    def _id_issues(self, row_id: str | None, before: str, part: Part) -> Iterator[str]:
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
            return  # not a hash: reported with the row
        if shard != part.shard:
            yield f"the row belongs to shard {shard}, not {part.shard}"
