"""The images that the rounds of a run left out, why, and a few of them to show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records.round_names import ROUND_NAMES
from tag2mask.pipeline.report.rejection_reasons import FAILED, reason_kind
from tag2mask.pipeline.report.top_k import Shortlist
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table

__all__ = ["RoundVerdicts", "run_rounds", "verdicts"]


@dataclass(frozen=True)
class RoundVerdicts:
    """What the filter said of one round.

    Args:
        name: Of the round.
        kept: How many masks it kept.
        reasons: How many it left out, by the first words of the reason.
        examples: Ids of images that were left out and have a mask, a few for each reason.
    """

    name: str
    kept: int
    reasons: Counter[str]
    examples: tuple[str, ...]

    @property
    def left_out(self) -> int:
        """How many images it left out."""
        return self.reasons.total()


def run_rounds(run: Folder) -> Iterator[tuple[str, Table]]:
    """The finished rounds of a run, in their order."""
    for name in ROUND_NAMES:
        try:
            yield name, Table.open(f"{run.uri}/rounds/{name}")
        except UserError:
            continue


def verdicts(name: str, table: Table, examples: int) -> RoundVerdicts:
    """Counts the verdicts of a round in one pass over small columns.

    Args:
        name: Of the round.
        table: The round.
        examples: Images to name for each reason.
    """
    kept, counts = 0, Counter[str]()
    shortlists: dict[str, Shortlist] = {}
    for row in table.rows(["id", "kept", "reason", "error"]):
        if row["kept"]:
            kept += 1
            continue
        kind = reason_kind(row)
        counts[kind] += 1
        if kind != FAILED:
            shortlists.setdefault(kind, Shortlist(examples)).add(row["id"])
    return RoundVerdicts(
        name=name,
        kept=kept,
        reasons=counts,
        examples=tuple(row_id for shortlist in shortlists.values() for row_id in shortlist),
    )
