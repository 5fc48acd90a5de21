"""Export: a published dataset, row by row, into a folder of another format."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import class_table
from tag2mask.pipeline.formats import EXPORTERS
from tag2mask.pipeline.formats.base import plain_name, sample_of
from tag2mask.pipeline.records import ClassTable, Row
from tag2mask.pipeline.tables.new_folder import new_folder
from tag2mask.pipeline.tables.table import Table

COLUMNS = (
    "id",
    "image",
    "tags",
    "mask",
    "classes",
    "confidence",
    "mask_confidence",
    "source",
)


@dataclass(frozen=True)
class Choice:
    """Which rows of a dataset are wanted; a choice takes or leaves rows, never pixels.

    Args:
        classes: Class names; a row's mask shows one of them. None takes all rows.
        confidence: The least mean probability of the labeled pixels, in [0, 1].
    """

    classes: Collection[str] | None = None
    confidence: float = 0.0

    def predicate(self, table: ClassTable) -> Callable[[Row], bool]:
        """The choice as a condition on rows with ``classes`` and ``mask_confidence``.

        Raises:
            UserError: If a name is no class of the dataset, or the confidence is no share.
        """
        if not 0 <= self.confidence <= 1:
            raise UserError(f"a confidence lies between 0 and 1, not at {self.confidence:g}")
        wanted = None if self.classes is None else {table.index(name) for name in self.classes}

        def holds(row: Row) -> bool:
            sure = row["mask_confidence"] >= self.confidence
            return sure and (wanted is None or not wanted.isdisjoint(row["classes"]))

        return holds


def open_dataset(uri: str) -> Table:
    """A published dataset.

    Raises:
        UserError: If there is no table, or one without images and masks.
    """
    table = Table.open(uri)
    missing = set(COLUMNS) - set(table.schema.names)
    if missing:
        raise UserError(
            f"the table {table.uri} has no column {min(missing)!r}: give the dataset of a run, "
            "RUN/dataset"
        )
    return table


def export_dataset(
    uri: str,
    kind: str,
    out: str | Path,
    choice: Choice | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[int, str]:
    """Write the rows of a dataset in another format, one after another.

    Args:
        uri: Of the dataset.
        kind: A name of :data:`tag2mask.pipeline.formats.EXPORTERS`.
        out: A local folder that does not exist or is empty; it appears when it is complete.
        choice: Which rows; all by default.
        progress: Gets the number of rows looked at so far.

    Returns:
        The number of rows written, and a sentence on what the format loses.

    Raises:
        UserError: If the format is unknown, there is no dataset, no row is chosen, or the
            folder is not empty.
    """
    dataset = open_dataset(uri)
    chosen = (choice or Choice()).predicate(class_table(dataset))

    def rows() -> Iterator[Row]:
        for done, row in enumerate(dataset.rows(COLUMNS), start=1):
            if chosen(row):
                yield row
            progress(done)

    written, lost = write_rows(rows(), kind, out, class_table(dataset), plain_name)
    return written, lost


def write_rows(
    rows: Iterator[Row],
    kind: str,
    out: str | Path,
    classes: ClassTable,
    naming: Callable[[Row], str],
) -> tuple[int, str]:
    """Write rows of a dataset as a folder; see :func:`export_dataset`.

    Args:
        rows: With the columns :data:`COLUMNS`.
        kind: A name of :data:`tag2mask.pipeline.formats.EXPORTERS`.
        out: The folder.
        classes: Of the masks.
        naming: What a row's files are called, if the name is free.
    """
    if kind not in EXPORTERS:
        raise UserError(f"unknown format {kind!r}: choose one of {', '.join(EXPORTERS)}")
    written = 0
    with new_folder(out) as folder, closing(EXPORTERS[kind](folder, classes)) as exporter:
        for row in rows:
            exporter.add(sample_of(row, exporter.free_name(row, naming)))
            written += 1
        if not written:
            raise UserError("no mask meets the conditions: nothing was written")
        lost = exporter.finish()
    return written, lost
