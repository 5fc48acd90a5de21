"""The table of methods, with this project's figures and the published ones."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from scipy.stats import spearmanr

from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.text_tables import markdown_row, markdown_table

ABSENT = "–"
HEADINGS = (
    "method",
    "supervision",
    "dev mIoU %",
    "published VOC 2012 test mIoU %",
    "seconds for each image",
    "parameters (million)",
)


class MethodRow(BaseModel):
    """One method with its figures.

    Args:
        name: Name of the method in the survey's table.
        supervision: ``masks`` or ``tags``.
        miou: Mean IoU on held-out images without their tags, in [0, 1].
        published: Mean IoU on VOC 2012 test, in percent; None if the survey has none.
        mark: The survey's dagger, if the published figure is on other data.
        seconds: Wall time of a prediction, in seconds.
        parameters: Number of parameters of the network.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    supervision: str
    miou: float = Field(ge=0, le=1)
    published: float | None = None
    mark: str = ""
    seconds: float = Field(ge=0)
    parameters: int = Field(ge=0)


_ROWS = TypeAdapter(list[MethodRow])


def methods_markdown(rows: Sequence[MethodRow]) -> str:
    """Format the rows as a Markdown table, followed by the agreement of the order."""
    table = markdown_table(HEADINGS, map(_cells, rows), "llrrrr")
    agreement = order_agreement(rows)
    if agreement is None:
        return table
    return f"{table}\n\nSpearman correlation of the weak methods' order: {agreement:.2f}"


def method_line(row: MethodRow) -> str:
    """Format a row as one line of the Markdown table."""
    return markdown_row(_cells(row))


def _cells(row: MethodRow) -> tuple[str, ...]:
    published = ABSENT if row.published is None else f"{row.published:.1f}{row.mark}"
    return (
        row.name,
        row.supervision,
        f"{100 * row.miou:.1f}",
        published,
        f"{row.seconds:.2f}",
        f"{row.parameters / 1e6:.1f}",
    )


def order_agreement(rows: Sequence[MethodRow]) -> float | None:
    """Compute Spearman's correlation of the weak methods' figures with the published ones.

    Returns:
        The correlation in [-1, 1]; None for fewer than three methods.
    """
    pairs = [
        (row.miou, row.published)
        for row in rows
        if row.supervision == "tags" and row.published is not None
    ]
    if len(pairs) < 3:
        return None
    return float(spearmanr(*zip(*pairs, strict=True)).statistic)


def save_methods(folder: Folder, rows: Sequence[MethodRow]) -> None:
    """Write ``table1.json``."""
    folder.write("table1.json", _ROWS.dump_json(list(rows), indent=2))


def load_methods(folder: Folder) -> list[MethodRow]:
    """Read ``table1.json``; an empty list if there is none yet."""
    try:
        return _ROWS.validate_json(folder.read("table1.json"))
    except FileNotFoundError:
        return []
