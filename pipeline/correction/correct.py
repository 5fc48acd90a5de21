"""Import of masks that a person has edited, as fixed ground truth of a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tag2mask.pipeline.correction.corrections import (
    SOURCE,
    add_corrections,
    corrections_uri,
    open_corrections,
)
from tag2mask.pipeline.correction.given_out import GivenOut, some_names
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import class_table
from tag2mask.pipeline.formats.base import id_prefix
from tag2mask.pipeline.formats.export_dataset import open_dataset
from tag2mask.pipeline.formats.importers import CROWD_MEANINGS, Edited, open_layout
from tag2mask.pipeline.records import BACKGROUND, IGNORE, Row, decode_mask, encode_mask
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table

CORRECTED, CONFIRMED = "corrected", "confirmed"


@dataclass(frozen=True)
class Taken:
    """Counts of the masks of a folder.

    Args:
        corrected: Masks that differ from the published ones.
        confirmed: Masks that were not changed, and that the person vouches for.
        unchanged: Masks that were not changed, and not taken.
        added_tags: Images to which a mask added a class that no tag had named.
        uri: URI of the run's corrections.
        redrawn: Confirmed and unchanged masks that came back as polygons, which keep borders to
            one pixel only.
        restored: Masks whose ignored pixels stay ignored, since the set cannot show them.
    """

    corrected: int
    confirmed: int
    unchanged: int
    added_tags: int
    uri: str
    redrawn: int = 0
    restored: int = 0

    def sentence(self) -> str:
        """The counts in one line."""
        said = [f"{self.corrected:,} corrected", f"{self.confirmed:,} confirmed"]
        if self.unchanged:
            said.append(f"{self.unchanged:,} unchanged and not taken")
        if self.redrawn:
            said.append(
                f"{self.redrawn:,} of these came back as polygons, which move borders by a pixel"
            )
        if self.restored:
            said.append(
                f"ignored pixels stay in {self.restored:,} masks, since the set shows none at all"
            )
        if self.added_tags:
            said.append(f"{self.added_tags:,} of the images gained a tag")
        return f"{', '.join(said)}; corrections in {self.uri}"


def take_corrections(
    uri: str,
    folder: str | Path,
    editor: str = "",
    confirm: bool = False,
    crowds: str | None = None,
    allow_empty: bool = False,
) -> Taken:
    """Import the edited masks of a review; nothing is written unless all of them are sound.

    A mask is taken only if it can be shown that a person changed it, or if the person vouches
    for it. Masks that a tool wrote in another way are not changed.

    Args:
        uri: URI of the dataset that was reviewed, in its run's folder.
        folder: The edited masks, in one of the layouts of
            :mod:`tag2mask.pipeline.formats.importers`.
        editor: Who edited them, for the record.
        confirm: Whether to take unchanged masks, too, as confirmed by the person.
        crowds: Meaning of crowd regions over ignored pixels, one of
            :data:`tag2mask.pipeline.formats.importers.CROWD_MEANINGS`; None refuses those whose
            meaning cannot be told.
        allow_empty: Whether masks without any class were emptied on purpose.

    Raises:
        UserError: If a mask is of an unknown image, of another size or twice there, cannot
            be read, holds something else than classes, or its meaning cannot be told; or the
            dataset is in no run.
    """
    if crowds is not None and crowds not in CROWD_MEANINGS:
        raise UserError(
            f"unknown meaning {crowds!r} of crowd regions: choose one of "
            f"{', '.join(CROWD_MEANINGS)}"
        )
    dataset = open_dataset(uri)
    images = _images_beside(dataset)
    layout, masks = open_layout(Path(folder), class_table(dataset))
    ids = _ids_of(masks.names(), images)
    given_out = GivenOut(dataset, layout, ids)
    earlier = open_corrections(corrections_uri(dataset), images)
    known = {} if earlier is None else _rows(earlier, ["mask"], ids.values())
    listed = _rows(images, ["height", "width", "tags"], ids.values())
    found = list(masks.masks(given_out.masks, crowds))
    found, restored = given_out.with_ignored(found, masks.can_ignore)
    unchanged = redrawn = 0
    rows: list[Row] = []
    doubtful: list[str] = []
    empty: list[str] = []
    for edited in found:
        row_id = ids[edited.name]
        _check_size(edited, listed[row_id])
        doubtful.extend(edited.doubtful)
        same = given_out.unchanged(edited)
        redrawn += same is not None and not np.array_equal(same, edited.mask)
        # What a person corrected before is not confirmed away by a review that is older.
        old = row_id in known and (same is not None or _shows(known[row_id], edited))
        if old or (same is not None and not confirm):
            unchanged += 1
            continue
        mask, verdict = (edited.mask, CORRECTED) if same is None else (same, CONFIRMED)
        row = _correction(mask, listed[row_id], verdict, editor)
        if same is None and not row["classes"] and (mask == BACKGROUND).any():
            empty.append(edited.name)
        rows.append(row)
    _refuse_doubtful(doubtful, folder)
    if not allow_empty:
        _refuse_empty(empty, len(ids), folder)
    target = corrections_uri(dataset)
    if rows:
        add_corrections(target, images, rows)
    confirmed = sum(row["verdict"] == CONFIRMED for row in rows)
    added = sum(row["tags"] != listed[row["id"]]["tags"] for row in rows)
    return Taken(len(rows) - confirmed, confirmed, unchanged, added, target, redrawn, restored)


def _refuse_doubtful(doubtful: list[str], folder: str | Path) -> None:
    if doubtful:
        raise UserError(
            f"{len(doubtful):,} crowd regions in {folder} lie mostly on ignored pixels of the "
            f"review, and were edited: {some_names(doubtful)}. Add --crowd class if they show "
            "their category, or --crowd ignore if nothing is known there"
        )


def _refuse_empty(empty: list[str], total: int, folder: str | Path) -> None:
    if empty:
        raise UserError(
            f"{len(empty):,} of {total:,} masks in {folder} show no class, although the review "
            f"gave out objects: {some_names(empty)}. Add --allow-empty if a person erased them; "
            "otherwise remove these images from the folder"
        )


def _images_beside(dataset: Table) -> Table:
    try:
        return Table.open(f"{dataset.uri.rpartition('/')[0]}/images")
    except UserError as error:
        raise UserError(
            f"{dataset.uri} is not in the folder of a run, which would keep its corrections: "
            "give RUN/dataset"
        ) from error


def _ids_of(names: Sequence[tuple[str, Path]], images: Table) -> dict[str, str]:
    """The ids of the images by the names of their masks, which hold the first digits.

    Args:
        names: The name of each mask and its file.
        images: The run's images.
    """
    if not names:
        raise UserError("there is no mask in the folder: save the edited masks there")
    by_prefix: dict[str, tuple[str, Path]] = {}
    for name, file in names:
        prefix = id_prefix(name)
        if prefix is None:
            raise UserError(
                f"{file} holds {name!r}, whose name does not end in the digits that the review "
                "gave it: keep the names of its files"
            )
        if prefix in by_prefix:
            raise UserError(
                f"{file} holds {name!r}, which is the image of {by_prefix[prefix][0]!r} too"
                f"{_of_file(by_prefix[prefix][1], file)}: leave one mask for each image"
            )
        by_prefix[prefix] = name, file
    length = len(next(iter(by_prefix)))
    found = {}
    for row in images.rows(["id"]):
        name, _ = by_prefix.pop(row["id"][:length], ("", None))
        if name:
            found[name] = row["id"]
    for name, file in by_prefix.values():
        raise UserError(
            f"{file} holds {name!r}, which is no image of the run {images.uri}: give the dataset "
            "that was reviewed"
        )
    return found


def _of_file(other: Path, file: Path) -> str:
    return "" if other == file else f" ({other})"


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


def _correction(mask: np.ndarray, image: Row, verdict: str, editor: str) -> Row:
    shown = sorted({*np.unique(mask).tolist()} - {BACKGROUND, IGNORE})
    return {
        "id": image["id"],
        "mask": {"bytes": encode_mask(mask), "path": None},
        "classes": shown,
        "tags": sorted({*image["tags"], *shown}),
        "source": SOURCE,
        "verdict": verdict,
        "editor": editor,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
