"""A COCO tree, of which the categories of the instances alone are read."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import ClassVar

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources.base import TaggedFile, TreeSource, unique
from tag2mask.pipeline.sources.file_finder import FileFinder
from tag2mask.pipeline.sources.json_arrays import array_elements
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder, UnreadableError

ANNOTATIONS = "annotations"
# instances_train2017.json: the images are in train2017/, the split is "train".
_LIST = re.compile(r"instances_((.+?)\d*)\.json")


class CocoSource(TreeSource):
    """Images that ``annotations/instances_<part>.json`` lists, one split for each file.

    An image's tags are the names of its instances' categories, crowds included: the
    image shows them. It lies in ``<part>/``, ``images/<part>/``, ``images/`` or beside
    ``annotations/``. The lists are read one entry at a time, masks and boxes are dropped
    with the entry.
    """

    kind: ClassVar[str] = "coco"
    looked_for: ClassVar[str] = f"a COCO tree ({ANNOTATIONS}/instances_*.json)"

    @classmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether there are lists of instances."""
        return any(map(_LIST.fullmatch, tree.files(ANNOTATIONS)))

    def images(self) -> Iterator[TaggedFile]:
        """Every image of every list; one without instances has no tags.

        Raises:
            UserError: If a list is not one of COCO's.
        """
        locator = FileFinder(self.tree)
        for name in self.tree.files(ANNOTATIONS):
            if part := _LIST.fullmatch(name):
                folder, split = part.groups()
                folders = (folder, f"images/{folder}", "images", "")
                for file, tags in self._tags(f"{ANNOTATIONS}/{name}"):
                    path, problem = locator.locate(file, folders)
                    yield TaggedFile(path, tags, split, problem=problem)

    def _tags(self, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The files of a list with their tags, sorted."""
        names: dict[int, str] = {}
        files: dict[int, str] = {}
        seen: dict[int, tuple[int, ...]] = {}
        try:
            with self.tree.open(name) as file, io.TextIOWrapper(file, encoding="utf-8") as text:
                for kind, entry in array_elements(text):
                    if kind == "categories":
                        names[entry["id"]] = str(entry["name"])
                    elif kind == "images":
                        files[entry["id"]] = str(entry["file_name"])
                    elif kind == "annotations":
                        known = seen.get(entry["image_id"], ())
                        if entry["category_id"] not in known:
                            seen[entry["image_id"]] = (*known, entry["category_id"])
            tags = {image: unique(sorted(names[c] for c in seen.get(image, ()))) for image in files}
        except (KeyError, TypeError, ValueError, UnreadableError) as error:
            cause = f"no {error}" if isinstance(error, KeyError) else error
            raise UserError(
                f"{name} of {self.uri} is no list of COCO instances ({cause}): it holds images "
                "(id, file_name), annotations (image_id, category_id) and categories (id, name)"
            ) from error
        yield from ((files[image], found) for image, found in tags.items())
