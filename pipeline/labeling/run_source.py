"""The source and the class list that a run's folder belongs to.

A small file in the folder records both before the first table is made. A run of an older version
has no such file; the source in its ``run.json`` counts instead, and without one any source fits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tag2mask.pipeline.tables.manifest import MANIFEST, read_manifest
from tag2mask.pipeline.tables.places import absolute_uri
from tag2mask.pipeline.tables.storage import Folder

RUN_SOURCE = ".source.json"
RECORD = "run.json"
IMAGES = "images"
NAMES_SHOWN = 10


@dataclass(frozen=True)
class RunSource:
    """The source of a run, and the classes that were requested.

    Attributes:
        address: Absolute URI of the source; of a local one its path without links.
        classes: Class names in the order of their pixel values; None for all tags.
    """

    address: str
    classes: tuple[str, ...] | None = None

    @classmethod
    def of(cls, source: str, classes: Sequence[str] | None) -> RunSource:
        """The record of a source as a user wrote it."""
        return cls(absolute_uri(source), None if classes is None else tuple(classes))

    def save(self, folder: Folder) -> None:
        """Writes the record into a run's folder, if it is not there already."""
        if load_run_source(folder) != self:
            record = {"source": self.address, "classes": self.classes}
            folder.write(RUN_SOURCE, json.dumps(record, ensure_ascii=False, indent=1).encode())


@dataclass(frozen=True)
class Difference:
    """Differences between a run's folder and a source and class list; false if there are none.

    Attributes:
        out: URI of the run's folder.
        sources: Address of the run's source and of the other one, if they differ.
        classes: Class names of the run and the other ones, if they differ.
    """

    out: str
    sources: tuple[str, str] | None = None
    classes: tuple[tuple[str, ...], tuple[str, ...]] | None = None

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return self.sources is not None or self.classes is not None

    def sentence(self) -> str:
        """The differences and the two ways out, in one sentence."""
        parts = []
        if self.sources:
            parts.append("to the source {}, not to {}".format(*self.sources))
        if self.classes:
            order = " in another order" * (sorted(self.classes[0]) == sorted(self.classes[1]))
            parts.append("to the classes {}, not to {}".format(*map(_some, self.classes)) + order)
        return (
            f"the run in {self.out} belongs {', and '.join(parts)}: choose another folder for "
            "this run, or replace the one that is there with --force (force=True in Python)"
        )


def load_run_source(folder: Folder) -> RunSource | None:
    """The recorded source of a run; None if nothing is recorded.

    Args:
        folder: Folder of the run.
    """
    if record := _read_json(folder, RUN_SOURCE):
        classes = record.get("classes")
        return RunSource(str(record["source"]), None if classes is None else tuple(classes))
    source = _read_json(folder, RECORD).get("source")
    return RunSource(absolute_uri(source)) if source else None


def requested_classes(folder: Folder, classes: Sequence[str] | None) -> list[str] | None:
    """The classes to label: the given ones, else those that the run was begun with.

    Args:
        folder: Folder of the run.
        classes: The requested class names; None for no request.
    """
    if classes is not None:
        return list(classes)
    known = load_run_source(folder)
    return None if known is None or known.classes is None else list(known.classes)


def find_difference(folder: Folder, source: str, classes: Sequence[str] | None) -> Difference:
    """Compare a source and class list with those of the run in a folder.

    A source at another address may still be the same one, moved or copied; only its images tell.

    Args:
        folder: Folder of the run; a folder without an images table fits any source.
        source: Local path or URI of the source.
        classes: The requested class names; None fits any class list.
    """
    images = folder.folder(IMAGES)
    try:
        begun = MANIFEST in images.sizes()
    except NotADirectoryError:  # the place is below a file, which the writing will report
        begun = False
    if not begun:
        return Difference(folder.uri)
    known, address = load_run_source(folder), absolute_uri(source)
    sources = (known.address, address) if known and known.address != address else None
    names = tuple(read_manifest(images).metadata["classes"])
    lists = (names, tuple(classes)) if classes is not None and tuple(classes) != names else None
    return Difference(folder.uri, sources, lists)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def _read_json(folder: Folder, name: str) -> dict[str, Any]:
    """The contents of a file with a JSON object; empty if there is none."""
    try:
        record = json.loads(folder.read(name))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
