"""Masks that came back from a label tool: one file for each layout."""

from __future__ import annotations

from pathlib import Path

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.formats.importers.base import Edited, EditedMasks
from tag2mask.pipeline.formats.importers.coco import EditedCoco
from tag2mask.pipeline.formats.importers.voc import EditedVoc
from tag2mask.pipeline.records import ClassTable

EDITED: dict[str, type[EditedMasks]] = {"voc": EditedVoc, "coco": EditedCoco}


def open_edited(folder: Path, classes: ClassTable) -> EditedMasks:
    """The edited masks in a folder.

    Args:
        folder: What a label tool has written, unpacked.
        classes: Of the run.

    Raises:
        UserError: If there is no such folder, or it holds no masks of a known layout.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: give the unpacked folder of edited masks")
    for layout in EDITED.values():
        found = layout.open(folder, classes)
        if found is not None:
            return found
    looked_for = "; ".join(layout.looked_for for layout in EDITED.values())
    raise UserError(f"{folder} holds no edited masks: looked for {looked_for}")


__all__ = ["EDITED", "Edited", "EditedMasks", "open_edited"]
