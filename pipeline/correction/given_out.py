"""The masks that a review gave out, and whether what came back is still the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from tag2mask.pipeline.correction.reviews import recorded_masks
from tag2mask.pipeline.evaluation.assess import class_table
from tag2mask.pipeline.formats.base import ID_DIGITS, full_name
from tag2mask.pipeline.formats.export_dataset import COLUMNS, write_rows
from tag2mask.pipeline.formats.export_settings import LOSSLESS, ExportSettings
from tag2mask.pipeline.formats.importers import Edited, open_edited
from tag2mask.pipeline.formats.importers.near import within_one_pixel, without_holes
from tag2mask.pipeline.records import BACKGROUND, IGNORE, Row, decode_mask, encode_mask
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table

# How reviews show masks: as outlines that label tools read, or exactly.
SHAPES: dict[str, ExportSettings] = {
    "polygon": ExportSettings(val_share=0, shapes="polygon"),
    "rle": ExportSettings(val_share=0, shapes="rle"),
}


class GivenOut:
    """The masks of the images of a review: the published ones and those of earlier reviews.

    Args:
        dataset: The dataset that was reviewed.
        layout: Format of the review, a key of
            :data:`tag2mask.pipeline.formats.importers.EDITED`.
        ids: Ids of the images by the names of their masks.
    """

    def __init__(self, dataset: Table, layout: str, ids: Mapping[str, str]) -> None:
        self._dataset = dataset
        self._layout = layout
        self._ids = ids
        published = Scan(dataset, columns=["mask"], ids=set(ids.values()))
        self._published = {row["id"]: row["mask"]["bytes"] for row in published.rows()}
        self._earlier = {
            row_id: [row for row in rows if row["mask"]["bytes"] != self._published.get(row_id)]
            for row_id, rows in recorded_masks(dataset, ids.values()).items()
        }

    def masks(self, name: str) -> list[np.ndarray]:
        """The masks (H, W) uint8 that were given out for an image, the published one first."""
        return [decode_mask(data) for data in self._given(self._ids[name])]

    def with_ignored(self, found: Sequence[Edited], can_ignore: bool) -> tuple[list[Edited], int]:
        """Masks of a set that cannot show ignored pixels, with those that were given out.

        Exports to some tools leave ignored pixels without a label. There, a background pixel
        does not say that a person took it for background.

        Args:
            found: All masks of the set.
            can_ignore: Whether the set names ignored pixels.

        Returns:
            The masks, and the number of those that changed.
        """
        if can_ignore or any((edited.mask == IGNORE).any() for edited in found):
            return list(found), 0
        masks, count = [], 0
        for edited in found:
            given = next((each for each in self.masks(edited.name)), None)
            mask = edited.mask
            if given is not None and given.shape == mask.shape:
                hidden = (given == IGNORE) & (mask == BACKGROUND)
                if hidden.any():
                    mask[hidden] = IGNORE
                    count += 1
                    edited = replace(edited, png=encode_mask(mask))
            masks.append(edited)
        return masks, count

    def unchanged(self, edited: Edited) -> np.ndarray | None:
        """The mask that was given out if an edited one is no other, None if a person changed it.

        A mask is no other either if the review itself already showed it so, as formats that
        cannot keep every pixel do, or if polygons moved its borders by one pixel.
        """
        row_id = self._ids[edited.name]
        given = self.masks(edited.name)
        for mask in given:
            if _same(mask, edited):
                return mask
        for number, shown in self._as_shown.get(row_id, ()):
            if _same(shown, edited):
                return given[number]
        return None

    def _given(self, row_id: str) -> list[bytes]:
        """The masks that were given out for an image, the published one first."""
        earlier = [row["mask"]["bytes"] for row in self._earlier.get(row_id, ())]
        return [*filter(None, [self._published.get(row_id)]), *earlier]

    @cached_property
    def _as_shown(self) -> dict[str, list[tuple[int, np.ndarray]]]:
        """The masks by id after a review in this format and back, with their number."""
        found: dict[str, list[tuple[int, np.ndarray]]] = {}
        if self._layout == "voc":  # keeps every pixel
            return found
        rows = list(Scan(self._dataset, columns=COLUMNS, ids=set(self._published)).rows())
        versions = max((len(self._given(row["id"])) for row in rows), default=0)
        for number in range(versions):
            given = [self._version(row, number) for row in rows]
            for settings in (LOSSLESS, *SHAPES.values()):
                for row_id, mask in self._through([row for row in given if row], settings):
                    found.setdefault(row_id, []).append((number, mask))
        return found

    def _version(self, row: Row, number: int) -> Row | None:
        """A row with the mask of a number, 0 for the published one; None if there are fewer."""
        if number == 0:
            return row
        earlier = self._earlier.get(row["id"], [])
        return {**row, **earlier[number - 1]} if number <= len(earlier) else None

    def _through(
        self, rows: Sequence[Row], settings: ExportSettings
    ) -> Iterator[tuple[str, np.ndarray]]:
        """The masks of rows, written as a review and read again."""
        if not rows:
            return
        classes = class_table(self._dataset)
        masks = {row["id"][:ID_DIGITS]: row["mask"]["bytes"] for row in rows}
        ids = {row["id"][:ID_DIGITS]: row["id"] for row in rows}
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "review"
            write_rows(iter(rows), self._layout, folder, classes, full_name, settings)
            read = open_edited(folder, classes)
            for edited in read.masks(lambda name: [decode_mask(masks[name[-ID_DIGITS:]])]):
                yield ids[edited.name[-ID_DIGITS:]], edited.mask


def _same(mask: np.ndarray, edited: Edited) -> bool:
    if np.array_equal(mask, edited.mask):
        return True
    return edited.polygons and any(
        within_one_pixel(shape, edited.mask) for shape in (mask, without_holes(mask))
    )


def some_names(names: Sequence[str], count: int = 3) -> str:
    """The first of some names, and the number of the others."""
    rest = f" and {len(names) - count:,} more" if len(names) > count else ""
    return ", ".join(names[:count]) + rest
