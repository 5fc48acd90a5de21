"""Export: a published dataset, row by row, into a folder of another format."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import class_table
from tag2mask.pipeline.formats import EXPORTERS
from tag2mask.pipeline.formats.base import Exporter, plain_name, sample_of
from tag2mask.pipeline.formats.export_settings import LOSSLESS, ExportSettings
from tag2mask.pipeline.formats.source_splits import source_splits
from tag2mask.pipeline.formats.splits import TEST, TRAIN, VAL, SplitOf, plan_splits
from tag2mask.pipeline.records import ClassTable, Row
from tag2mask.pipeline.records.confidence_thresholds import class_thresholds
from tag2mask.pipeline.records.object_confidence import class_confidences
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
# Datasets of version 0.1 lack the first of these, and sources without a search the second.
_OPTIONAL = ("class_confidence", "near_duplicate_of")
_PLAN_COLUMNS = ("id", "tags", "classes", "confidence", *_OPTIONAL)


@dataclass(frozen=True)
class Choice:
    """Which rows of a dataset are wanted; a choice takes or leaves rows, never pixels.

    Args:
        classes: Class names; a row's mask shows one of them. None takes all rows.
        confidence: The least confidence of the object of every tag, in [0, 1]; or by class name,
            where ``*`` stands for all other classes.
    """

    classes: Collection[str] | None = None
    confidence: float | Mapping[str, float] = 0.0

    def predicate(self, table: ClassTable) -> Callable[[Row], bool]:
        """The choice as a condition on rows with the columns of the confidence.

        See :data:`tag2mask.pipeline.records.object_confidence.CONFIDENCE_COLUMNS`.

        Raises:
            UserError: If a name is no class of the dataset, or a confidence is no share.
        """
        least = class_thresholds(self.confidence, table)
        wanted = None if self.classes is None else {table.index(name) for name in self.classes}

        def holds(row: Row) -> bool:
            # In single precision, as confidences are stored: 0.7 must not miss a stored 0.7.
            sure = all(
                np.float32(value) >= least[tag] for tag, value in class_confidences(row).items()
            )
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


@dataclass(frozen=True)
class Written:
    """The result of an export.

    Attributes:
        images: Number of images, each with its mask.
        splits: Number of images of each split.
        objects: Number of objects; 0 in formats without objects.
        dropped: Number of components that were too small to be objects.
        lost: Sentences about the losses of the format, one a line.
    """

    images: int
    splits: Mapping[str, int]
    objects: int
    dropped: int
    lost: str


def export_dataset(
    uri: str,
    kind: str,
    out: str | Path,
    choice: Choice | None = None,
    settings: ExportSettings | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Written:
    """Write the rows of a dataset in another format, one after another.

    Args:
        uri: URI of the dataset.
        kind: A name of :data:`tag2mask.pipeline.formats.EXPORTERS`.
        out: A local folder that does not exist or is empty; it appears when it is complete.
        choice: Which rows; all by default.
        settings: Which objects, how they are written, and the splits.
        progress: Gets the number of rows looked at so far.

    Raises:
        UserError: If the format is unknown, there is no dataset, no row is chosen, a split
            would be empty, or the folder is not empty.
    """
    exporter = exporter_of(kind)
    settings = settings or ExportSettings()
    dataset = open_dataset(uri)
    chosen = (choice or Choice()).predicate(class_table(dataset))
    columns = [*COLUMNS, *(name for name in _OPTIONAL if name in dataset.schema.names)]
    val_share = exporter.val_share if settings.val_share is None else settings.val_share
    shares = {VAL: val_share, TEST: settings.test_share}
    narrow = [name for name in _PLAN_COLUMNS if name in dataset.schema.names]
    split_of = plan_splits(
        filter(chosen, dataset.rows(narrow)),
        settings.split,
        shares,
        settings.seed,
        str(dataset.metadata.get("split", TRAIN)),
        source_splits(dataset.uri) if settings.split == "source" else None,
    )

    def rows() -> Iterator[Row]:
        for done, row in enumerate(dataset.rows(columns), start=1):
            if chosen(row):
                yield row
            progress(done)

    wanted = () if settings.split == "source" else (name for name, share in shares.items() if share)
    written = write_rows(
        rows(), kind, out, class_table(dataset), plain_name, settings, split_of, {*wanted}
    )
    others = len(dataset) - written.images
    if not others:
        return written
    sentence = f"{others:,} of {len(dataset):,} images do not meet the conditions: not written"
    return replace(written, lost=f"{sentence}\n{written.lost}")


def write_rows(
    rows: Iterator[Row],
    kind: str,
    out: str | Path,
    classes: ClassTable,
    naming: Callable[[Row], str],
    settings: ExportSettings = LOSSLESS,
    split_of: SplitOf = lambda row: TRAIN,
    wanted: Collection[str] = (),
) -> Written:
    """Write rows of a dataset as a folder; see :func:`export_dataset`.

    Args:
        rows: Rows with the columns :data:`COLUMNS`.
        kind: A name of :data:`tag2mask.pipeline.formats.EXPORTERS`.
        out: The folder.
        classes: Classes of the masks.
        naming: Gives a row's files their name, if it is free.
        settings: Which objects, and how they are written.
        split_of: Gives a row its split.
        wanted: Splits that must not be empty.
    """
    make = exporter_of(kind)
    with new_folder(out) as folder, closing(make(folder, classes, settings)) as exporter:
        for row in rows:
            name = exporter.free_name(row, naming)
            exporter.add(sample_of(row, name, split_of(row)))
        if not exporter.splits:
            raise UserError("no mask meets the conditions: nothing was written")
        for name in sorted({TRAIN, *wanted} if wanted else set()):
            if not exporter.splits[name]:
                raise UserError(
                    f"no image falls into the split {name}: use --split stratified or other shares"
                )
        lost = exporter.finish()
    return Written(
        images=exporter.splits.total(),
        splits=dict(exporter.splits),
        objects=exporter.objects,
        dropped=exporter.dropped,
        lost="\n".join(filter(None, (exporter.dropped_sentence(), lost))),
    )


def exporter_of(kind: str) -> type[Exporter]:
    """The exporter of a format.

    Raises:
        UserError: If there is no such format.
    """
    if kind not in EXPORTERS:
        raise UserError(f"unknown format {kind!r}: choose one of {', '.join(EXPORTERS)}")
    return EXPORTERS[kind]
