"""The replacement of a run by one of another source or class list.

The new images, masks and models are made in a folder inside the run's, and take the place of the
old ones when the last of them is finished. Until then the old run can be read and continued. The
dataset is the exception: it keeps its versions, so the new one is simply the next version.
"""

from __future__ import annotations

from tag2mask.pipeline.correction.corrections import NAME as CORRECTIONS
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.labeling.run_source import RunSource, load_run_source
from tag2mask.pipeline.tables.manifest import MANIFEST, read_manifest
from tag2mask.pipeline.tables.storage import Folder

REPLACEMENT = ".replacement"
COMPLETE = "complete.json"
REPLACED = ("images", "rounds", "models")


class ReplacementRun(Run):
    """The run that will replace another one, in a folder inside of it.

    What a killed replacement of the same source and classes has made is found again; that of
    another one is removed.

    Args:
        target: The run to replace.
        source: The new source and class list.
    """

    def __init__(self, target: Run, source: RunSource) -> None:
        folder = target.folder.folder(REPLACEMENT)
        if load_run_source(folder) != source:
            folder.remove_all()
        super().__init__(folder.uri, target.recipe, target.engine, target.reporter)
        self.target = target
        source.save(self.folder)

    def table_uri(self, name: str) -> str:
        """The URI of a table; the dataset is that of the run to replace."""
        return self.target.table_uri(name) if name == "dataset" else super().table_uri(name)

    def complete(self) -> None:
        """Puts the finished tables and models in the place of the old ones."""
        self.folder.write(COMPLETE, b"{}")
        finish_replacement(self.target.folder)


def finish_replacement(folder: Folder) -> None:
    """Moves the tables and models of a complete replacement to their place, if there is one.

    Every step can be repeated, so a kill between two of them is repaired by the next call.

    Args:
        folder: Folder of the run that is replaced.
    """
    made = folder.folder(REPLACEMENT)
    if COMPLETE not in made.sizes():
        return
    _set_corrections_aside(folder)
    for name in REPLACED:
        place = folder.folder(name)
        place.remove_all()
        place.adopt(made.folder(name))
    source = load_run_source(made)
    if source is not None:
        source.save(folder)
    made.remove([COMPLETE])
    made.remove_all()


def _set_corrections_aside(folder: Folder) -> None:
    """Keeps people's corrections of the old run under another name; their classes are others."""
    corrections = folder.folder(CORRECTIONS)
    if MANIFEST in corrections.sizes():
        aside = folder.folder(f"{CORRECTIONS}-{read_manifest(corrections).key[:8]}")
        aside.remove_all()
        aside.adopt(corrections)
        corrections.remove([MANIFEST])  # first: without it, the copy is not made again
        corrections.remove_all()
