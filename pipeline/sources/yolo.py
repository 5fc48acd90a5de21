"""A YOLO tree, of which the class numbers of the label files alone are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar

import yaml

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records.name_lists import name_lines
from tag2mask.pipeline.sources.base import TaggedFile, TreeSource, unique
from tag2mask.pipeline.sources.folder_layout import is_no_image
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder, UnreadableError
from tag2mask.pipeline.sources.splits import is_split

IMAGES, LABELS = "images", "labels"
CLASSES = "classes.txt"


@dataclass(frozen=True)
class _Part:
    """Images and their label files, in two folders with the same stems."""

    images: str
    labels: str
    split: str | None


class YoloSource(TreeSource):
    """Images of ``images/`` whose objects ``labels/`` lists, one text file for each image.

    Both have folders of splits, or stand in folders of splits, or hold the files themselves.
    A line begins with a class number; its name stands in ``names`` of ``data.yaml`` (or another
    YAML file), or in that line of ``classes.txt``, counted from 0. An image without a label
    file has no tags. Boxes and polygons are not read.
    """

    kind: ClassVar[str] = "yolo"
    looked_for: ClassVar[str] = f"a YOLO tree ({IMAGES}/ and {LABELS}/ with data.yaml)"

    @classmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether there are images and text files of labels."""
        return any(
            any(name.endswith(".txt") for name in tree.files(part.labels)) for part in _parts(tree)
        )

    def images(self) -> Iterator[TaggedFile]:
        """Every image; labels without an image are listed as a problem.

        Raises:
            UserError: If no file names the classes.
        """
        names = self._class_names()
        for part in _parts(self.tree):
            labels = {name for name in self.tree.files(part.labels) if name.endswith(".txt")}
            missing = labels - {CLASSES}
            for name in self.tree.files(part.images):
                path, skipped = f"{part.images}/{name}", is_no_image(name)
                label = f"{PurePosixPath(name).stem}.txt"
                tags: tuple[str, ...] = ()
                problem = None
                if label in labels and not skipped:
                    tags, problem = self._tags(f"{part.labels}/{label}", names)
                    missing.discard(label)
                yield TaggedFile(path, tags, part.split, problem=problem, skipped=skipped)

            for label in sorted(missing):
                tags, problem = self._tags(f"{part.labels}/{label}", names)
                path = f"{part.images}/{PurePosixPath(label).stem}"
                lost = f"no such file, although {part.labels}/{label} describes it"
                if tags or problem:  # an empty label file has lost nothing
                    yield TaggedFile(path, tags, part.split, problem=problem or lost)

    def _tags(self, label: str, names: dict[int, str]) -> tuple[tuple[str, ...], str | None]:
        try:
            lines = self.tree.read(label).decode("utf-8-sig").splitlines()
        except (UnreadableError, UnicodeDecodeError) as error:
            return (), f"its labels {label} cannot be read: {error}"
        found = []
        for line in filter(None, map(str.strip, lines)):
            number = line.split()[0]
            if not number.isdecimal():
                return (), f"its labels {label} begin a line with {number!r:.40}, no class number"
            if int(number) not in names:
                return (), f"its labels {label} have the class {number}, which has no name"
            found.append(names[int(number)])
        return unique(found), None

    def _class_names(self) -> dict[int, str]:
        for file in self.tree.files():
            if file.endswith((".yaml", ".yml")) and (names := self._names_of(file)):
                return names
        for folder in ("", LABELS):
            if CLASSES in self.tree.files(folder):
                path = f"{folder}/{CLASSES}" if folder else CLASSES
                text = self.tree.read(path).decode("utf-8-sig", "replace")
                return dict(enumerate(name_lines(text)))
        raise UserError(
            f"{self.uri} looks like a YOLO data set whose classes have no names: add data.yaml "
            f"with names, or {CLASSES} with one name a line"
        )

    def _names_of(self, file: str) -> dict[int, str]:
        """The class names of a YAML file, none if it has no ``names``."""
        try:
            document: Any = yaml.safe_load(self.tree.read(file))
        except (UnreadableError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise UserError(f"cannot read {file} of {self.uri}: {error}") from error
        names = document.get("names") if isinstance(document, dict) else None
        if isinstance(names, list):
            names = dict(enumerate(names))
        if not isinstance(names, dict):
            return {}
        try:
            return {int(number): str(name) for number, name in names.items()}
        except ValueError as error:
            raise UserError(
                f"the names of {file} in {self.uri} are neither a list nor numbered: {error}"
            ) from error


def _parts(tree: SandboxedFolder) -> list[_Part]:
    folders = tree.folders()
    if IMAGES in folders and LABELS in folders:
        both = [name for name in tree.folders(IMAGES) if name in tree.folders(LABELS)]
        inner = [_Part(f"{IMAGES}/{name}", f"{LABELS}/{name}", name) for name in both]
        outer = [_Part(IMAGES, LABELS, None)] if tree.files(IMAGES) else []
        return [*outer, *inner]
    return [
        _Part(f"{name}/{IMAGES}", f"{name}/{LABELS}", name)
        for name in folders
        if is_split(name) and {IMAGES, LABELS} <= {*tree.folders(name)}
    ]
