"""The choice of a step's images by their tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.targets import NegativeTarget
from tag2mask.pipeline.training.training_set import TrainingSet


def scan_readable(images: Table, columns: Sequence[str], select: Callable[[Row], bool]) -> Scan:
    """The readable images whose tags meet a condition, negatives among them."""
    return Scan(images, columns=list(columns)).where(
        lambda row: not row["error"] and select(row), ["error", "tags"]
    )


def scan_tagged(
    images: Table, columns: Sequence[str], select: Callable[[Row], bool] | None = None
) -> Scan:
    """The images to label: readable, with a tag, and their tags meet the condition, if any."""
    return scan_readable(
        images, columns, lambda row: bool(row["tags"]) and (select is None or select(row))
    )


def negative_ids(images: Table, at_most: int) -> set[str]:
    """Images that show none of the classes, the first by id: a fair random draw."""
    return set(
        sorted(scan_readable(images, ["tags"], lambda row: not row["tags"]).wanted_ids())[:at_most]
    )


def with_negatives(
    data: TrainingSet, share: float, target: type[NegativeTarget] | None = NegativeTarget
) -> TrainingSet:
    """A training set with negatives, at most so many for each image that it has.

    Args:
        data: The training set; the negatives are those of its images table.
        share: See :attr:`tag2mask.pipeline.labeling.recipe.Recipe.negatives`.
        target: Makes the target of a negative; None if the set's target serves it too.
    """
    negatives = negative_ids(data.scan.images, int(share * len(data)))
    return data.with_negatives(negatives, target)


def is_simple(row: Row) -> bool:
    """Whether an image has one tag."""
    return len(row["tags"]) == 1


def simple_ids(images: Table, per_class: int) -> set[str]:
    """A limited number of simple images of each class, the first by id: a fair random draw."""
    taken: Counter[int] = Counter()
    chosen = set()
    rows = (row for row in images.rows(["id", "tags", "error"]) if not row["error"])
    for row in sorted(filter(is_simple, rows), key=lambda row: row["id"]):
        (tag,) = row["tags"]
        if taken[tag] < per_class:
            taken[tag] += 1
            chosen.add(row["id"])
    return chosen
