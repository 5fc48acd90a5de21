"""Which pictures a step takes, by their tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from pipeline.records import Row
from pipeline.tables.scan import Scan
from pipeline.tables.table import Table


def sound(
    images: Table, columns: Sequence[str], select: Callable[[Row], bool] | None = None
) -> Scan:
    """The pictures that could be read and, where a condition is given, whose tags meet it."""
    return Scan(images, columns=list(columns)).where(
        lambda row: not row["error"] and (select is None or select(row)), ["error", "tags"]
    )


def is_simple(row: Row) -> bool:
    """Whether a picture has one tag."""
    return len(row["tags"]) == 1


def simple_ids(images: Table, per_class: int) -> set[str]:
    """At most so many simple pictures of each class, the first by id: a fair random draw."""
    taken: Counter[int] = Counter()
    chosen = set()
    rows = (row for row in images.rows(["id", "tags", "error"]) if not row["error"])
    for row in sorted(filter(is_simple, rows), key=lambda row: row["id"]):
        (tag,) = row["tags"]
        if taken[tag] < per_class:
            taken[tag] += 1
            chosen.add(row["id"])
    return chosen
