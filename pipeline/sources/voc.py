"""A Pascal VOC tree, of which the tags alone are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar
from xml.etree.ElementTree import ParseError

from defusedxml.ElementTree import fromstring

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources.base import TaggedFile, TreeSource, unique
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder, UnreadableError

IMAGES = "JPEGImages"
ANNOTATIONS = "Annotations"
LISTS = "ImageSets/Main"
SPLITS = ("train", "val", "test", "dev")
# The same two folders as others name them; these need annotations.
_OTHER_NAMES = (("images", "annotations"), ("images", "Annotations"), ("Images", "Annotations"))


class VocSource(TreeSource):
    """Images of ``JPEGImages/`` with the objects that ``Annotations/`` names.

    Folders ``images/`` and ``annotations/`` with XML files are the same under other names.
    Without annotations the lists ``ImageSets/Main/<class>_<split>.txt`` give the tags.
    Objects marked as difficult count in both: the image shows them. The split comes
    from ``ImageSets/Main/train.txt`` and its like. Masks and boxes are not read.
    """

    kind: ClassVar[str] = "voc"
    looked_for: ClassVar[str] = f"a VOC tree ({IMAGES}/ with {ANNOTATIONS}/ or {LISTS}/)"

    @classmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether there are images, and annotations or lists of classes."""
        folders = tree.folders()
        if IMAGES in folders:
            return ANNOTATIONS in folders or bool(tree.files(LISTS))
        return _places(tree) != (IMAGES, ANNOTATIONS)

    def images(self) -> Iterator[TaggedFile]:
        """Every file of JPEGImages; one without an annotation has no tags.

        An annotation without an image is listed as a problem.

        Raises:
            UserError: If neither annotations nor class lists exist, or a list is not
                one of stems and -1, 0 or 1.
        """
        places = _places(self.tree)
        annotations = frozenset(self.tree.files(places[1]))
        splits = self._splits()
        tags = {} if annotations else self._tags_of_lists()
        if not annotations and not tags:
            raise UserError(
                f"the VOC tree {self.uri} names no object: it needs {ANNOTATIONS}/<stem>.xml "
                f"or {LISTS}/<class>_<split>.txt"
            )
        missing = {name.removesuffix(".xml") for name in annotations if name.endswith(".xml")}
        for name in self.tree.files(places[0]):
            stem = name.rpartition(".")[0] or name
            image = TaggedFile(f"{places[0]}/{name}", tuple(tags.get(stem, ())), splits.get(stem))
            if f"{stem}.xml" in annotations:
                image = self._annotated(image, f"{places[1]}/{stem}.xml")
            missing.discard(stem)
            yield image

        for stem in sorted(missing):
            lost = TaggedFile(f"{places[0]}/{stem}", split=splits.get(stem))
            lost = self._annotated(lost, f"{places[1]}/{stem}.xml")
            yield replace(
                lost, problem=f"no such file, although {places[1]}/{stem}.xml describes it"
            )

    def _annotated(self, image: TaggedFile, annotation: str) -> TaggedFile:
        try:
            # Only an object's own name: <object><part><name> is "head" or "foot".
            names = fromstring(self.tree.read(annotation)).findall("object/name")
        except UnreadableError as error:
            problem = f"its annotation {annotation} cannot be read: {error}"
        except (ParseError, ValueError, LookupError) as error:
            # ValueError is also what refuses entities, which could expand without end.
            problem = f"its annotation {annotation} is no plain XML: {type(error).__name__}"
        else:
            tags = unique(name.text or "" for name in names)
            return TaggedFile(image.path, tags, image.split)
        return TaggedFile(image.path, split=image.split, problem=problem)

    def _splits(self) -> dict[str, str]:
        lists = self.tree.files(LISTS)
        found: dict[str, str] = {}
        for split in SPLITS:
            if f"{split}.txt" in lists:
                for cells in self._lines(f"{split}.txt"):
                    # The first split wins, so that no image is in two.
                    found.setdefault(cells[0], split)
        return found

    def _tags_of_lists(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name in self.tree.files(LISTS):
            tag, _, _split = name.removesuffix(".txt").rpartition("_")
            if not tag or not name.endswith(".txt"):
                continue
            for cells in self._lines(name):
                if len(cells) != 2 or cells[1] not in ("-1", "0", "1"):
                    raise UserError(
                        f"{LISTS}/{name} of {self.uri} has the line {' '.join(cells)!r}: "
                        "a line is an image's stem and -1, 0 or 1"
                    )
                tags = found.setdefault(cells[0], [])
                if cells[1] != "-1" and tag not in tags:
                    tags.append(tag)
        return found

    def _lines(self, name: str) -> list[list[str]]:
        try:
            text = self.tree.read(f"{LISTS}/{name}").decode("utf-8-sig")
        except (UnreadableError, UnicodeDecodeError) as error:
            raise UserError(f"cannot read {LISTS}/{name} of {self.uri}: {error}") from error
        return [line.split() for line in text.splitlines() if line.strip()]


def _places(tree: SandboxedFolder) -> tuple[str, str]:
    """The folders of the images and of the annotations."""
    folders = tree.folders()
    for place, described in () if IMAGES in folders else _OTHER_NAMES:
        if place in folders and any(name.endswith(".xml") for name in tree.files(described)):
            return place, described
    return IMAGES, ANNOTATIONS
