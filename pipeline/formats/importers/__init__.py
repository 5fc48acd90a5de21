"""Masks that came back from a label tool: one file for each layout."""

from __future__ import annotations

from pathlib import Path

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.formats.importers.base import CROWD_MEANINGS, Edited, EditedMasks
from tag2mask.pipeline.formats.importers.coco import EditedCoco
from tag2mask.pipeline.formats.importers.voc import EditedVoc
from tag2mask.pipeline.records import ClassTable

EDITED: dict[str, type[EditedMasks]] = {"voc": EditedVoc, "coco": EditedCoco}


def open_edited(folder: Path, classes: ClassTable) -> EditedMasks:
    """The edited masks in a folder.

    Args:
        folder: Unpacked output of a label tool.
        classes: Classes of the run.

    Raises:
        UserError: If there is no such folder, it holds no masks of a known layout, or it holds
            masks of two layouts.
    """
    return open_layout(folder, classes)[1]


def open_layout(folder: Path, classes: ClassTable) -> tuple[str, EditedMasks]:
    """The name of a folder's layout, a key of :data:`EDITED`, and its masks.

    Raises:
        UserError: As :func:`open_edited` does.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: give the unpacked folder of edited masks")
    found = {
        name: masks
        for name, layout in EDITED.items()
        if (masks := layout.open(folder, classes)) is not None
    }
    looked_for = "; ".join(layout.looked_for for layout in EDITED.values())
    if not found:
        raise UserError(f"{folder} holds no edited masks: looked for {looked_for}")
    if len(found) > 1:
        raise UserError(
            f"{folder} holds masks of two layouts ({looked_for}): leave the one that was edited"
        )
    return next(iter(found.items()))


__all__ = ["CROWD_MEANINGS", "EDITED", "Edited", "EditedMasks", "open_edited", "open_layout"]
