"""The merge of staged pieces into row groups: sorted by id, each id once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pyarrow as pa

from tag2mask.pipeline.tables.parquet import ROW_GROUP


def merge_rows(tables: Sequence[pa.Table], schema: pa.Schema) -> Iterator[pa.Table]:
    """Merge tables and yield row groups, sorted by id, each id once.

    A retried row is in the tables twice. The first one is taken, but a row without an error
    is preferred to one with an error: the second attempt may have had enough memory.

    Args:
        tables: Tables of this schema. The result depends on their order only if an id has
            several different rows without an error.
        schema: The schema, with a column ``id``.

    Yields:
        Row groups of equal size.
    """
    rows = pa.concat_tables([schema.empty_table(), *tables])
    order = _order(rows)
    # Groups of equal size, from ROW_GROUP to less than twice as many rows, if there are enough.
    groups = max(1, len(order) // ROW_GROUP)
    bounds = [len(order) * index // groups for index in range(groups + 1)]
    for start, stop in pairwise(bounds):
        if stop > start:
            yield _pick(rows, order[start:stop])


def _order(rows: pa.Table) -> list[int]:
    """The positions of the rows sorted by id, each id once."""
    ids = rows["id"].to_pylist()
    errors = rows["error"].to_pylist() if "error" in rows.column_names else [None] * len(ids)
    best: dict[str, int] = {}
    for position, row_id in enumerate(ids):
        known = best.setdefault(row_id, position)
        if errors[known] and not errors[position]:
            best[row_id] = position
    return [best[row_id] for row_id in sorted(best)]


def _pick(rows: pa.Table, positions: list[int]) -> pa.Table:
    # Slices are views. Table.take would gather the chunks of the whole shard first, and
    # overflow the 2 GiB that an Arrow binary array can address.
    return pa.concat_tables([rows.slice(position, 1) for position in positions]).combine_chunks()
