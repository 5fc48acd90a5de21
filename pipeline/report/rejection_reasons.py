"""The reasons of failed rows and rejected masks, in words for the person at the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.table import Table

FAILED = "unreadable or failed"


def count_reasons(table: Table) -> dict[str, int]:
    """The number of rejected rows, by the first words of the reason; most frequent first."""
    rows = table.rows(["kept", "reason", "error"])
    return dict(Counter(reason_kind(row) for row in rows if not row["kept"]).most_common())


def reason_kind(row: Row) -> str:
    """The first words of a rejected row's reason, without its figures."""
    return FAILED if row["error"] else row["reason"].partition(":")[0]


def require_kept(table: Table, step: str) -> None:
    """Check that a round kept a mask.

    Args:
        table: The round.
        step: Name of the step that needs the masks, for the message.

    Raises:
        UserError: If the round kept none; the message names the most frequent reason.
    """
    rows = list(table.rows(["kept", "reason", "error"]))
    if any(row["kept"] for row in rows):
        return
    name = table.manifest.kind
    if not rows:
        raise UserError(f"the step {step!r} has no masks: the round {name!r} has no image")
    why, count = next(iter(count_reasons(table).items()))
    example = next(row["error"] or row["reason"] for row in rows if reason_kind(row) == why)
    bounds = "seeds.select" if name == "seed" else "select"
    raise UserError(
        f"the step {step!r} has no masks: the round {name!r} kept none of {len(rows):,}, "
        f"{count:,} of them for a reason such as {example!r}; train longer, or loosen the "
        f"bounds of the recipe's {bounds}"
    )


def list_failures(table: Table) -> list[str]:
    """The errors of a table's rows, without the files that they name."""
    if "error" not in table.schema.names:
        return []
    errors = (row["error"] for row in table.rows(["error"]) if row["error"])
    return [error.partition(": ")[2] or error for error in errors]


def first_failures(table: Table, count: int = 5) -> list[str]:
    """The first errors of a table's rows with the files that they name, sorted, and their rest."""
    if "error" not in table.schema.names:
        return []
    errors = sorted(row["error"] for row in table.rows(["error"]) if row["error"])
    more = [f"and {len(errors) - count:,} more"] if len(errors) > count else []
    return errors[:count] + more


def most_frequent(texts: Iterable[str]) -> str:
    """The text that occurs most often, the first of equals."""
    return Counter(texts).most_common(1)[0][0]
