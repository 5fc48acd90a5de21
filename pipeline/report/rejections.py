"""The masks that the rounds of a run rejected: counts, reasons, and examples to show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records.round_names import ROUND_NAMES
from tag2mask.pipeline.report.rejection_reasons import FAILED, reason_kind
from tag2mask.pipeline.report.top_k import TopK
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table

__all__ = ["RoundRejections", "count_rejections", "iter_rounds"]


@dataclass(frozen=True)
class RoundRejections:
    """The decisions of the filter in one round.

    Args:
        name: Name of the round.
        kept: Number of kept masks.
        reasons: Number of rejected images, by the first words of the reason.
        examples: Ids of a few images with a rejected mask, for each reason.
    """

    name: str
    kept: int
    reasons: Counter[str]
    examples: tuple[str, ...]

    @property
    def rejected(self) -> int:
        """The number of rejected images."""
        return self.reasons.total()


def iter_rounds(run: Folder) -> Iterator[tuple[str, Table]]:
    """The finished rounds of a run, in their order."""
    for name in ROUND_NAMES:
        try:
            yield name, Table.open(f"{run.uri}/rounds/{name}")
        except UserError:
            continue


def count_rejections(name: str, table: Table, examples: int) -> RoundRejections:
    """Counts the decisions of a round in one pass over small columns.

    Args:
        name: Name of the round.
        table: The round.
        examples: Number of images to name for each reason.
    """
    kept, counts = 0, Counter[str]()
    examples_by_reason: dict[str, TopK] = {}
    for row in table.rows(["id", "kept", "reason", "error"]):
        if row["kept"]:
            kept += 1
            continue
        kind = reason_kind(row)
        counts[kind] += 1
        if kind != FAILED:
            examples_by_reason.setdefault(kind, TopK(examples)).add(row["id"])
    return RoundRejections(
        name=name,
        kept=kept,
        reasons=counts,
        examples=tuple(row_id for chosen in examples_by_reason.values() for row_id in chosen),
    )
