"""Corrections: masks that a person drew or confirmed, the fixed ground truth of a run's trainings.

They are a table in the run's folder, beside the rounds: narrow, and independent of the models.
Every later training takes them in place of what a round says, in full and without augmentation
by probability; every later round and dataset holds them as they are, with the source ``human``.

A mask holds tags, background and ignore alone. A person may know better than the tags: classes
that a correction adds become tags of that image, recorded here and in the published dataset.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import IGNORE, IMAGE, Row
from tag2mask.pipeline.records.round_names import HUMAN
from tag2mask.pipeline.tables.manifest import MANIFEST, table_key
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.table_writer import TableWriter
from tag2mask.pipeline.training.targets import CORRECTION

NAME = "corrections"
SOURCE = HUMAN

CORRECTIONS_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("mask", IMAGE),
        ("classes", pa.list_(pa.int64())),  # those that the mask shows, without background
        ("tags", pa.list_(pa.int64())),  # the image's, and what the person added
        ("source", pa.string()),
        ("verdict", pa.string()),  # corrected, or confirmed as it was
        ("editor", pa.string()),
        ("time", pa.string()),  # of the import, ISO 8601 in UTC
    ]
)

_BATCH = 64


def corrections_uri(dataset: Table) -> str:
    """The URI of the corrections of a dataset, in the folder of its run."""
    return f"{dataset.uri.rpartition('/')[0]}/{NAME}"


def open_corrections(uri: str, images: Table) -> Table | None:
    """The corrections at a URI, None if there are none.

    Args:
        uri: URI of the table.
        images: The images that they are joined with, or another table of the run.

    Raises:
        UserError: If they were made for other classes or another number of shards.
    """
    if MANIFEST not in Folder(uri).sizes():
        return None
    table = Table.open(uri)
    for name, theirs, ours in (
        ("classes", table.metadata["classes"], list(images.metadata["classes"])),
        ("shards", table.shards, images.shards),
    ):
        if theirs != ours:
            raise UserError(
                f"the corrections {table.uri} were made for the {name} {theirs}, and the run has "
                f"{ours}: label with the same {name}, or move the corrections away"
            )
    return table


def add_corrections(uri: str, images: Table, rows: Sequence[Row]) -> Table:
    """Add corrections to those that are there; for the same image the newer one counts.

    Args:
        uri: URI of the table, which need not exist yet.
        images: The images' table of the run.
        rows: With the columns of :data:`CORRECTIONS_SCHEMA`.
    """
    earlier = open_corrections(uri, images)
    replaced = {row["id"] for row in rows}
    kept = () if earlier is None else (r for r in earlier.rows() if r["id"] not in replaced)
    # An import that was killed is not continued: it may have read other files.
    key = table_key(correction=uuid.uuid4().hex)
    folder, _, name = uri.rpartition("/")
    writer = TableWriter(
        uri,
        kind=NAME,
        schema=CORRECTIONS_SCHEMA,
        key=key,
        shards=images.shards,
        metadata={"classes": list(images.metadata["classes"]), "ignore": IGNORE},
        staging=f"{folder}/.staging/{name}-{key[:12]}",
    )
    for batch in _batched(itertools.chain(kept, rows)):
        writer.stage(batch)
    return writer.commit()


def key_inputs(corrections: Table | None) -> dict[str, Any]:
    """The key inputs of tables and models that use corrections; empty without corrections."""
    return {} if corrections is None else {NAME: corrections.fingerprint}


def join_corrections(scan: Scan, corrections: Table | None) -> Scan:
    """A scan whose rows hold their correction, or None, under ``correction``."""
    if corrections is None:
        return scan
    columns = None if scan.columns is None else [*scan.columns, f"{CORRECTION}.mask"]
    return replace(scan, joined={**scan.joined, CORRECTION: corrections}, columns=columns)


def is_corrected(row: Row) -> bool:
    """Whether a row of a scan has a correction; none has in a scan without them."""
    return row.get(CORRECTION) is not None


def _batched(rows: Iterable[Row]) -> Iterable[list[Row]]:
    iterator = iter(rows)
    return iter(lambda: list(itertools.islice(iterator, _BATCH)), [])
