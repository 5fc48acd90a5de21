"""Which images a step takes, by their tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.manifest import table_key
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table


def readable(images: Table, columns: Sequence[str], select: Callable[[Row], bool]) -> Scan:
    """The images that could be read, negatives among them, and whose tags meet a condition."""
    return Scan(images, columns=list(columns)).where(
        lambda row: not row["error"] and select(row), ["error", "tags"]
    )


def sound(
    images: Table, columns: Sequence[str], select: Callable[[Row], bool] | None = None
) -> Scan:
    """The images to label: read, with a tag, and their tags meet the condition, if any."""
    return readable(
        images, columns, lambda row: bool(row["tags"]) and (select is None or select(row))
    )


def negative_ids(images: Table, at_most: int) -> set[str]:
    """Images that show none of the classes, the first by id: a fair random draw."""
    return set(
        sorted(readable(images, ["tags"], lambda row: not row["tags"]).wanted_ids())[:at_most]
    )


def with_negatives(scan: Scan, images: Table, share: float) -> tuple[Scan, dict[str, str]]:
    """A scan that reads negatives too, at most so many for each image that it has.

    Args:
        scan: Of some images.
        images: Where the negatives are.
        share: As :attr:`tag2mask.pipeline.labeling.recipe.Recipe.negatives`.

    Returns:
        The scan, with the sizes of the images, and what a key has to say of the negatives:
        nothing if there are none, for then the scan is as it was.
    """
    negatives = negative_ids(images, int(share * len(scan)))
    if not negatives:
        return scan, {}
    columns = [*(scan.columns or ()), "height", "width"]
    wider = replace(scan, ids={*scan.wanted_ids(), *negatives}, columns=columns)
    return wider, {"negatives": table_key(ids=sorted(negatives))}


def is_simple(row: Row) -> bool:
    """Whether an image has one tag."""
    return len(row["tags"]) == 1


def simple_ids(images: Table, per_class: int) -> set[str]:
    """At most so many simple images of each class, the first by id: a fair random draw."""
    taken: Counter[int] = Counter()
    chosen = set()
    rows = (row for row in images.rows(["id", "tags", "error"]) if not row["error"])
    for row in sorted(filter(is_simple, rows), key=lambda row: row["id"]):
        (tag,) = row["tags"]
        if taken[tag] < per_class:
            taken[tag] += 1
            chosen.add(row["id"])
    return chosen
