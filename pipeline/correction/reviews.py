"""The record of reviews in a run's folder: which masks were given out for editing.

A set may come back after the run has labeled again. Then an untouched mask differs from the
published one, and the record alone shows that no person changed it.
"""

from __future__ import annotations

import io
import uuid
from collections import defaultdict
from collections.abc import Collection
from collections.abc import Set as AbstractSet

import pyarrow as pa
import pyarrow.parquet as pq

from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table

NAME = "reviews"
# What an export needs of a row beside its image.
COLUMNS = ("id", "mask", "tags", "classes", "confidence", "mask_confidence", "source")


def record_review(dataset: Table, ids: AbstractSet[str]) -> None:
    """Keep the masks of a review, beside its dataset.

    Args:
        dataset: The dataset that is reviewed.
        ids: Ids of the rows that are given out.
    """
    rows = Scan(dataset, columns=COLUMNS, ids=ids).rows()
    schema = pa.schema([dataset.schema.field(name) for name in COLUMNS])
    table = pa.Table.from_pylist([{name: row[name] for name in COLUMNS} for row in rows], schema)
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    _folder(dataset).write(f"{uuid.uuid4().hex}.parquet", buffer.getvalue())


def recorded_masks(dataset: Table, ids: Collection[str]) -> dict[str, list[Row]]:
    """The rows that earlier reviews gave out, by their ids; each mask once.

    Args:
        dataset: A dataset in the folder of its run.
        ids: Ids of the wanted rows.
    """
    wanted = {*ids}
    folder = _folder(dataset)
    found: dict[str, list[Row]] = defaultdict(list)
    for name in folder.sizes():
        for row in pq.read_table(io.BytesIO(folder.read(name))).to_pylist():
            known = (each["mask"]["bytes"] for each in found[row["id"]])
            if row["id"] in wanted and row["mask"]["bytes"] not in known:
                found[row["id"]].append(row)
    return {row_id: rows for row_id, rows in found.items() if rows}


def _folder(dataset: Table) -> Folder:
    return Folder(f"{dataset.uri.rpartition('/')[0]}/{NAME}")
