"""The masks that a review gave out, and whether what came back is still the same."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from tag2mask.pipeline.evaluation.assess import class_table
from tag2mask.pipeline.formats.base import ID_DIGITS, full_name
from tag2mask.pipeline.formats.export_dataset import COLUMNS, write_rows
from tag2mask.pipeline.formats.importers import Edited, open_edited
from tag2mask.pipeline.formats.importers.near import within_one_pixel, without_holes
from tag2mask.pipeline.records import decode_mask
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table


class GivenOut:
    """The published masks of the images of a review.

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
        scan = Scan(dataset, columns=["mask"], ids=set(ids.values()))
        self._masks = {row["id"]: row["mask"]["bytes"] for row in scan.rows()}

    def mask(self, name: str) -> np.ndarray | None:
        """The published mask (H, W) uint8 of an image, None if it has none."""
        data = self._masks.get(self._ids[name])
        return None if data is None else decode_mask(data)

    def unchanged(self, edited: Edited) -> np.ndarray | None:
        """The published mask if an edited one is no other, None if a person changed it.

        A mask is no other either if the review itself already showed it so, as formats that
        cannot keep every pixel do, or if polygons moved its borders by one pixel.
        """
        published = self.mask(edited.name)
        if published is None or published.shape != edited.mask.shape:
            return None
        if _same(published, edited):
            return published
        shown = self._as_shown.get(self._ids[edited.name])
        return published if shown is not None and _same(shown, edited) else None

    @cached_property
    def _as_shown(self) -> dict[str, np.ndarray]:
        """The masks by id, after a review in this format and back."""
        scan = Scan(self._dataset, columns=COLUMNS, ids=set(self._masks))
        classes = class_table(self._dataset)
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "review"
            write_rows(scan.rows(), self._layout, folder, classes, full_name)
            masks = open_edited(folder, classes)
            by_prefix = {row_id[:ID_DIGITS]: row_id for row_id in self._masks}
            ids = {name: by_prefix[name[-ID_DIGITS:]] for name, _ in masks.names()}
            found = masks.masks(lambda name: decode_mask(self._masks[ids[name]]))
            return {ids[edited.name]: edited.mask for edited in found}


def _same(mask: np.ndarray, edited: Edited) -> bool:
    if np.array_equal(mask, edited.mask):
        return True
    return edited.polygons and any(
        within_one_pixel(shape, edited.mask) for shape in (mask, without_holes(mask))
    )


def some_names(names: Sequence[str], count: int = 3) -> str:
    """The first of some names, and how many there are besides."""
    rest = f" and {len(names) - count:,} more" if len(names) > count else ""
    return ", ".join(names[:count]) + rest
