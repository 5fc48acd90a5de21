"""Scores of a run's tables against true masks: after the labelling, never inside it."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from pipeline.errors import UserError
from pipeline.evaluation import Scores, TruthFolder, evaluate_masks
from pipeline.records import ClassTable, Row
from pipeline.table import Table


def class_table(table: Table) -> ClassTable:
    """The classes that a table's masks use."""
    return ClassTable(names=tuple(table.metadata["classes"]))


def mask_rows(table: Table, ids: AbstractSet[str] | None = None) -> Iterator[Row]:
    """``path`` and ``mask`` of a table's rows; rows without a mask are left out.

    Args:
        table: A round or a dataset.
        ids: The rows that are wanted; None wants all.
    """
    for row in table.rows(["id", "mask"]):
        if row["mask"] and (ids is None or row["id"] in ids):
            yield {"path": row["mask"]["path"], "mask": row["mask"]["bytes"]}


def assess(table: Table, truth: TruthFolder, ids: AbstractSet[str] | None = None) -> Scores:
    """Scores a table's masks by the VOC protocol.

    Raises:
        UserError: If no picture of the table has a true mask.
    """
    return evaluate_masks(mask_rows(table, ids), truth, class_table(table))


def find_truth(uri: str, classes: ClassTable) -> TruthFolder | None:
    """The true masks beside a source, where it has any for these classes."""
    try:
        truth = TruthFolder(uri, classes)
    except UserError:
        return None
    return truth if len(truth) else None
