"""The ladder: the quality of the masks after each step of a run, or of a benchmark."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.text_tables import markdown_table, text_table

__all__ = ["LadderRow", "ladder_markdown", "ladder_text", "load_ladder", "save_ladder"]

ABSENT = "–"
HEADINGS = (
    "step",
    "seeded train images (mIoU %)",
    "all train images (mIoU %)",
    "dev without tags (mIoU %)",
    "seconds",
    "note",
)
ALIGN = "lrrrrl"


class LadderRow(BaseModel):
    """One step; a figure that was not or cannot be measured is None.

    Args:
        name: The step, for example ``dcsm + crf`` or ``enhanced``.
        pseudo_label_miou_seeded: Mean IoU of the step's masks, restricted to the tags, on the
            training images that have a seed: the same images for every step; in [0, 1].
        pseudo_label_miou_train: The same on all training images, if the step labels
            them.
        miou_dev: Mean IoU of the step's model on held-out images, without their tags; in
            [0, 1].
        seconds: Wall time of the step alone.
        note: An explanation of the figures, in a few words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    pseudo_label_miou_seeded: float | None = Field(default=None, ge=0, le=1)
    pseudo_label_miou_train: float | None = Field(default=None, ge=0, le=1)
    miou_dev: float | None = Field(default=None, ge=0, le=1)
    seconds: float | None = Field(default=None, ge=0)
    note: str = ""


_ROWS = TypeAdapter(list[LadderRow])


def ladder_text(rows: Sequence[LadderRow]) -> str:
    """The rows as aligned plain text: percentages and seconds with one decimal.

    Columns of figures that no row has are not shown.
    """
    cells = [_cells(row) for row in rows]
    last = len(HEADINGS) - 1
    shown = [
        column
        for column in range(len(HEADINGS))
        if column in (0, last) or any(row[column] != ABSENT for row in cells)
    ]
    headings, *lines = ([line[column] for column in shown] for line in (HEADINGS, *cells))
    return text_table(headings, lines, "".join(ALIGN[column] for column in shown))


def ladder_markdown(rows: Sequence[LadderRow]) -> str:
    """The rows as a Markdown table, figures aligned to the right."""
    return markdown_table(HEADINGS, map(_cells, rows), ALIGN)


def save_ladder(folder: Folder, name: str, rows: Sequence[LadderRow]) -> None:
    """Write the rows as JSON, in full or not at all, so that a killed run keeps the last ones."""
    folder.write(name, _ROWS.dump_json(list(rows), indent=2) + b"\n")


def load_ladder(folder: Folder, name: str) -> list[LadderRow]:
    """Read the rows that :func:`save_ladder` wrote; none if there is no file yet.

    Raises:
        UserError: If the file holds something else.
    """
    try:
        return _ROWS.validate_json(folder.read(name))
    except FileNotFoundError:
        return []
    except ValidationError as error:
        raise UserError(
            f"{folder.uri}/{name} is not a ladder of this version: remove it to measure again"
        ) from error


def _cells(row: LadderRow) -> tuple[str, ...]:
    return (
        row.name,
        _number(row.pseudo_label_miou_seeded, 100),
        _number(row.pseudo_label_miou_train, 100),
        _number(row.miou_dev, 100),
        _number(row.seconds, 1),
        row.note,
    )


def _number(value: float | None, factor: float) -> str:
    return ABSENT if value is None else f"{value * factor:.1f}"
