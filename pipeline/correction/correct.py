"""Correct: masks that a person has edited, taken into a run as fixed ground truth."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tag2mask.pipeline.correction.corrections import (
    SOURCE,
    add_corrections,
    beside,
    open_corrections,
)
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import class_table
from tag2mask.pipeline.formats.base import id_prefix
from tag2mask.pipeline.formats.export_dataset import open_dataset
from tag2mask.pipeline.formats.importers import Edited, open_edited
from tag2mask.pipeline.records import BACKGROUND, IGNORE, Row, decode_mask
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table

CORRECTED, CONFIRMED = "corrected", "confirmed"


@dataclass(frozen=True)
class Taken:
    """What became of the masks of a folder.

    Args:
        corrected: Masks that differ from the published ones.
        confirmed: Masks that were left as they are, and that the person vouches for.
        unchanged: Masks that were left as they are, and not taken.
        added_tags: Images to which a mask added a class that no tag had named.
        uri: Of the run's corrections.
    """

    corrected: int
    confirmed: int
    unchanged: int
    added_tags: int
    uri: str

    def sentence(self) -> str:
        """The counts in one line."""
        said = [f"{self.corrected:,} corrected", f"{self.confirmed:,} confirmed"]
        if self.unchanged:
            said.append(f"{self.unchanged:,} unchanged and not taken")
        if self.added_tags:
            said.append(f"{self.added_tags:,} of the images gained a tag")
        return f"{', '.join(said)}; corrections in {self.uri}"


def take_corrections(
    uri: str, folder: str | Path, editor: str = "", confirm: bool = False
) -> Taken:
    """Import the edited masks of a review; nothing is written unless all of them are sound.

    Args:
        uri: Of the dataset that was reviewed, in its run's folder.
        folder: The edited masks, in one of the layouts of
            :mod:`tag2mask.pipeline.formats.importers`.
        editor: Who edited them, for the record.
        confirm: Whether the masks that were left as they are were found right, and count as
            a person's too.

    Raises:
        UserError: If a mask is of an unknown image, of another size or twice there, cannot
            be read or holds something else than classes, or the dataset is in no run.
    """
    dataset = open_dataset(uri)
    images = _images_beside(dataset)
    found = _by_id(list(open_edited(Path(folder), class_table(dataset)).masks()), images)
    published = _rows(dataset, ["mask"], found)
    earlier = open_corrections(beside(dataset), images)
    known = {} if earlier is None else _rows(earlier, ["mask"], found)
    listed = _rows(images, ["height", "width", "tags"], found)
    rows, unchanged, added = [], 0, 0
    for row_id, edited in sorted(found.items()):
        _check_size(edited, listed[row_id])
        same = _shows(published.get(row_id), edited)
        # What a person corrected before is not confirmed away by a review that is older.
        old = row_id in known and (same or _shows(known[row_id], edited))
        if old or (same and not confirm):
            unchanged += 1
            continue
        row = _correction(edited, listed[row_id], CONFIRMED if same else CORRECTED, editor)
        added += row["tags"] != listed[row_id]["tags"]
        rows.append(row)
    target = beside(dataset)
    if rows:
        add_corrections(target, images, rows)
    confirmed = sum(row["verdict"] == CONFIRMED for row in rows)
    return Taken(len(rows) - confirmed, confirmed, unchanged, added, target)


def _images_beside(dataset: Table) -> Table:
    try:
        return Table.open(f"{dataset.uri.rpartition('/')[0]}/images")
    except UserError as error:
        raise UserError(
            f"{dataset.uri} is not in the folder of a run, which would keep its corrections: "
            "give RUN/dataset"
        ) from error


def _by_id(masks: Collection[Edited], images: Table) -> dict[str, Edited]:
    """The masks by the ids of their images, whose first digits are in the masks' names."""
    if not masks:
        raise UserError("there is no mask in the folder: save the edited masks there")
    by_prefix: dict[str, Edited] = {}
    for edited in masks:
        prefix = id_prefix(edited.name)
        if prefix is None:
            raise UserError(
                f"{edited.file} holds {edited.name!r}, whose name does not end in the digits "
                "that the review gave it: keep the names of its files"
            )
        if prefix in by_prefix:
            raise UserError(
                f"{edited.file} holds {edited.name!r}, which is the image of "
                f"{by_prefix[prefix].name!r} too: leave one mask for each image"
            )
        by_prefix[prefix] = edited
    length = len(next(iter(by_prefix)))
    found = {}
    for row in images.rows(["id"]):
        edited_one = by_prefix.pop(row["id"][:length], None)
        if edited_one is not None:
            found[row["id"]] = edited_one
    for edited in by_prefix.values():
        raise UserError(
            f"{edited.file} holds {edited.name!r}, which is no image of the run {images.uri}: "
            "give the dataset that was reviewed"
        )
    return found


def _rows(table: Table, columns: list[str], ids: Collection[str]) -> dict[str, Row]:
    scan = Scan(table, columns=columns, ids=set(ids))
    return {row["id"]: row for row in scan.rows()}


def _check_size(edited: Edited, image: Row) -> None:
    height, width = edited.mask.shape
    if (height, width) != (image["height"], image["width"]):
        raise UserError(
            f"{edited.file} holds {edited.name!r} at {width}x{height} pixels, and the image "
            f"has {image['width']}x{image['height']}: save it at the image's size"
        )


def _shows(row: Row | None, edited: Edited) -> bool:
    return row is not None and np.array_equal(decode_mask(row["mask"]["bytes"]), edited.mask)


def _correction(edited: Edited, image: Row, verdict: str, editor: str) -> Row:
    shown = sorted({*np.unique(edited.mask).tolist()} - {BACKGROUND, IGNORE})
    return {
        "id": image["id"],
        "mask": {"bytes": edited.png, "path": None},
        "classes": shown,
        "tags": sorted({*image["tags"], *shown}),
        "source": SOURCE,
        "verdict": verdict,
        "editor": editor,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
