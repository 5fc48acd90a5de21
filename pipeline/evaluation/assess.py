"""Scores of a run's tables against ground truth masks, computed only after the labeling."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import fsspec
from pydantic import ValidationError

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assessment import Assessment, assess_rows
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.evaluation.voc import Scores, evaluate_masks
from tag2mask.pipeline.progress import SILENT, Reporter, counted
from tag2mask.pipeline.records import ClassTable, Row
from tag2mask.pipeline.records.name_lists import name_lines
from tag2mask.pipeline.records.object_confidence import class_confidences, confidence_columns
from tag2mask.pipeline.tables.manifest import MANIFEST
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table

CLASSES = "classes.txt"


def class_table(table: Table) -> ClassTable:
    """The class table of a table's masks."""
    return ClassTable(names=tuple(table.metadata["classes"]))


def mask_rows(table: Table, ids: AbstractSet[str] | None = None) -> Iterator[Row]:
    """Iterate the masks of a table, for the comparison with ground truth.

    Rows without a mask are skipped.

    Args:
        table: A round or a dataset.
        ids: Ids of the wanted rows; None selects all rows.

    Yields:
        Rows as :func:`comparable` makes them.

    Raises:
        UserError: If the table holds no masks.
    """
    if "mask" not in table.schema.names:
        raise UserError(f"the table {table.uri} holds no masks: give a round, or the dataset")
    columns = [
        "id",
        "mask",
        *({"confidence_map"} & set(table.schema.names)),
        *confidence_columns(table.schema.names),
    ]
    for row in table.rows(columns):
        if row["mask"] and (ids is None or row["id"] in ids):
            yield comparable(row)


def comparable(row: Row) -> Row:
    """Convert a table's row with a mask for the comparison with ground truth.

    Returns:
        ``path``, ``mask``, ``confidence_map`` and ``objects``: None if the table has no such
        columns. Rounds have no tags, so their objects are unknown.
    """
    confidence = row.get("confidence_map")
    return {
        "path": row["mask"]["path"],
        "mask": row["mask"]["bytes"],
        "confidence_map": confidence["bytes"] if confidence else None,
        "objects": class_confidences(row) if row.get("tags") else None,
    }


def assess_masks(masks: str, ground_truth: str, reporter: Reporter = SILENT) -> Assessment:
    """Assess a table of masks, or a folder of PNG masks as ``tag2mask predict`` writes it.

    Args:
        masks: URI of a round, of a dataset, or of a folder with ``classes.txt``.
        ground_truth: Folder of the ground truth masks.
        reporter: Shows the progress.

    Raises:
        UserError: If there are no masks, no classes, or no ground truth masks of these images.
    """
    folder = Folder(masks)
    if MANIFEST in folder.sizes():
        table = Table.open(masks)
        classes = class_table(table)
        rows = counted(mask_rows(table), reporter.rows("evaluate", len(table)))
        return assess_rows(rows, GroundTruthFolder(ground_truth, classes), classes)
    names = [name for name in folder.sizes() if name.endswith(".png")]
    if not names:
        raise UserError(f"no masks in {masks}: give a table of a run, or a folder of PNG masks")
    classes = read_classes(folder)
    masks_of_files = ({"path": name, "mask": folder.read(name)} for name in names)
    rows = counted(masks_of_files, reporter.rows("evaluate", len(names)))
    return assess_rows(rows, GroundTruthFolder(ground_truth, classes), classes)


def read_classes(folder: Folder) -> ClassTable:
    """Read ``classes.txt`` of a folder of masks: one name a line, by pixel value from 1.

    Raises:
        UserError: If the file is missing or does not list classes.
    """
    try:
        names = name_lines(folder.read(CLASSES).decode())
    except FileNotFoundError as error:
        raise UserError(
            f"{folder.uri} has no {CLASSES}: write the class names there, one a line, in the "
            "order of the pixel values from 1"
        ) from error
    try:
        return ClassTable(names=tuple(names))
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise UserError(f"{folder.uri}/{CLASSES} does not list classes: {reason}") from error


def assess(
    table: Table, ground_truth: GroundTruthFolder, ids: AbstractSet[str] | None = None
) -> Scores:
    """Score a table's masks by the VOC protocol.

    Args:
        table: A round or a dataset.
        ground_truth: The ground truth masks.
        ids: Ids of the wanted rows; None selects all rows.

    Raises:
        UserError: If no image of the table has a ground truth mask.
    """
    return evaluate_masks(mask_rows(table, ids), ground_truth, class_table(table))


def find_ground_truth(uri: str, classes: ClassTable) -> GroundTruthFolder | None:
    """Find the ground truth in a source's ``SegmentationClass``; None without any for the classes.

    Args:
        uri: Folder of the source.
        classes: The run's class table.
    """
    files, root = fsspec.core.url_to_fs(uri)
    if not files.isdir(f"{root}/SegmentationClass"):
        return None  # any other PNG of a source may be an image
    try:
        ground_truth = GroundTruthFolder(uri, classes)
    except UserError:
        return None
    return ground_truth if len(ground_truth) else None
