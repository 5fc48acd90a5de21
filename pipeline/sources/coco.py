"""A COCO tree, of which the categories of the annotations alone are read."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources.base import TaggedFile, TreeSource, unique
from tag2mask.pipeline.sources.file_finder import FileFinder
from tag2mask.pipeline.sources.json_arrays import array_elements
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder, UnreadableError
from tag2mask.pipeline.sources.splits import SPLITS, is_split

ANNOTATIONS = "annotations"
# instances_train2017.json: the images are in train2017/, the split is "train". Where there are
# several families, they describe the same images, and instances say most.
FAMILIES = ("instances", "panoptic", "stuff")
ROBOFLOW = "_annotations.coco.json"
FIFTYONE = "labels.json"
_LIST = re.compile(r"([a-z]+)_((.+?)\d*)\.json")
_ARRAYS = frozenset({"images", "annotations", "categories"})


@dataclass(frozen=True)
class _List:
    """A document of COCO: its path, its split, and the folders that may hold its images."""

    path: str
    split: str | None
    folders: tuple[str, ...]


class CocoSource(TreeSource):
    """Images that documents of COCO list, one split for each document.

    Documents are ``annotations/instances_<part>.json`` (else ``panoptic_`` or ``stuff_``), with
    images in ``<part>/``, ``images/<part>/``, ``images/`` or beside ``annotations/``;
    Roboflow's ``<split>/_annotations.coco.json`` beside the images; and FiftyOne's
    ``labels.json`` with images in ``data/``. An image's tags are the names of its annotations'
    categories, crowds included: the image shows them. The lists are read one entry at a time,
    masks and boxes are dropped with the entry.
    """

    kind: ClassVar[str] = "coco"
    looked_for: ClassVar[str] = f"a COCO tree ({ANNOTATIONS}/instances_*.json, {ROBOFLOW})"

    @classmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether there are lists of annotations."""
        return bool(_lists(tree))

    def images(self) -> Iterator[TaggedFile]:
        """Every image of every list; one without annotations has no tags.

        Annotations of images that a list does not hold are listed as a problem.

        Raises:
            UserError: If a list is not one of COCO's, or two of its images share an id.
        """
        finder = FileFinder(self.tree)
        for document in _lists(self.tree):
            files, tags, lost = self._read(document.path)
            for image, file in files.items():
                path, problem = finder.locate(file, document.folders)
                yield TaggedFile(path, tags.get(image, ()), document.split, problem=problem)
            if lost:
                problem = (
                    f"{len(lost):,} images with annotations are not in its list of images (the "
                    f"first: image_id {next(iter(lost))})"
                )
                yield TaggedFile(document.path, split=document.split, problem=problem)

    def _read(self, name: str) -> tuple[dict[Any, str], dict[Any, tuple[str, ...]], list[Any]]:
        """The files of a list, their tags, sorted, and ids of images that it does not hold."""
        names: dict[Any, str] = {}
        files: dict[Any, str] = {}
        seen: dict[Any, tuple[Any, ...]] = {}
        try:
            with self.tree.open(name) as file, io.TextIOWrapper(file, encoding="utf-8-sig") as text:
                for kind, entry in array_elements(text):
                    if kind == "categories":
                        self._add(names, entry["id"], str(entry["name"]), name, kind)
                    elif kind == "images":
                        self._add(files, entry["id"], str(entry["file_name"]), name, kind)
                    elif kind == "annotations":
                        known = seen.get(entry["image_id"], ())
                        found = (one for one in _categories(entry) if one not in known)
                        seen[entry["image_id"]] = (*known, *dict.fromkeys(found))
            background = "" if name.startswith(f"{ANNOTATIONS}/instances") else "background"
            tags = {
                image: unique(sorted(names[one] for one in seen[image] if names[one] != background))
                for image in seen
            }
        except (KeyError, TypeError, ValueError, UnreadableError) as error:
            cause = f"no {error}" if isinstance(error, KeyError) else error
            raise UserError(
                f"{name} of {self.uri} is no list of COCO instances ({cause}): it holds images "
                "(id, file_name), annotations (image_id, category_id) and categories (id, name)"
            ) from error
        return files, tags, [image for image in seen if image not in files]

    def _add(self, found: dict[Any, str], key: object, value: str, name: str, kind: str) -> None:
        if found.setdefault(key, value) != value:
            raise UserError(
                f"two {kind} of {name} in {self.uri} have the id {key!r}: {found[key]} and "
                f"{value}; give each an id of its own"
            )


def is_coco(tree: SandboxedFolder, path: str) -> bool:
    """Whether a JSON file begins with arrays of COCO."""
    try:
        with tree.open(path) as file, io.TextIOWrapper(file, encoding="utf-8-sig") as text:
            return any(kind in _ARRAYS for kind, _ in array_elements(text))
    except (UnreadableError, ValueError):
        return False


def _lists(tree: SandboxedFolder) -> list[_List]:
    found = [part for name in tree.files(ANNOTATIONS) if (part := _LIST.fullmatch(name))]
    families = [family for family in FAMILIES if any(part[1] == family for part in found)]
    if families:
        return [
            _List(f"{ANNOTATIONS}/{part[0]}", part[3], _folders(part[2]))
            for part in found
            if part[1] == families[0]
        ]
    plain = [name for name in tree.files(ANNOTATIONS) if name.removesuffix(".json") in SPLITS]
    if plain:
        stems = [(name, name.removesuffix(".json")) for name in plain]
        return [_List(f"{ANNOTATIONS}/{name}", stem, _folders(stem)) for name, stem in stems]
    roboflow: list[tuple[str, str | None]] = [("", None)] if ROBOFLOW in tree.files() else []
    roboflow += [
        (name, name.casefold())
        for name in tree.folders()
        if is_split(name) and ROBOFLOW in tree.files(name)
    ]
    if roboflow:
        return [
            _List(f"{folder}/{ROBOFLOW}" if folder else ROBOFLOW, split, (folder,))
            for folder, split in roboflow
        ]
    if FIFTYONE in tree.files() and "data" in tree.folders() and is_coco(tree, FIFTYONE):
        return [_List(FIFTYONE, None, ("data",))]
    return []


def _folders(part: str) -> tuple[str, ...]:
    return (part, f"images/{part}", "images", "")


def _categories(annotation: Mapping[str, Any]) -> list[Any]:
    """The categories of an annotation; a panoptic one has many segments."""
    if "segments_info" in annotation:
        return [segment["category_id"] for segment in annotation["segments_info"]]
    return [annotation["category_id"]]
