"""Webdataset shards: tar archives with an image and its tags under one name."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from itertools import groupby
from typing import ClassVar

from tag2mask.pipeline.sources.base import TaggedFile, TreeSource, unique
from tag2mask.pipeline.sources.sandboxed_folder import (
    MAX_FILE_BYTES,
    SandboxedFolder,
    UnreadableError,
)
from tag2mask.pipeline.sources.splits import SPLIT_FOLDERS, split_of

# Of several in one sample the first of this list counts: a PNG beside a JPEG is a mask.
IMAGES = ("jpg", "jpeg", "webp", "avif", "jp2", "png", "gif", "bmp", "tif", "tiff", "ppm")
TAGS = ("json", "cls", "txt")
CLASSES = "classes.txt"
MAX_TAGS_BYTES = 2**20

_NAME = re.compile(r"((?:.*/)?[^./][^./]*)\.([^/]*)")  # the key ends at the name's first dot
_PLACE = re.compile(r"(.+):(\d+):(\d+)")


class WebdatasetSource(TreeSource):
    """Samples of ``*.tar``: ``key.jpg`` with ``key.json``, ``key.cls`` or ``key.txt``.

    The JSON is an object with ``tags`` (a list, or a text with ``|`` between them) or the
    list itself; the text file holds tags with ``|`` or line breaks between them; ``cls``
    holds the number of a class, whose name is that line, counted from 0, of
    ``classes.txt`` beside the shards, else the number itself. An archive is listed in one
    pass; an image is read by where it lies in it. Nothing is unpacked, and links inside
    an archive are not followed.
    """

    kind: ClassVar[str] = "webdataset"
    looked_for: ClassVar[str] = "webdataset shards (*.tar)"

    @classmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether there is an archive."""
        return bool(_shards(tree))

    def images(self) -> Iterator[TaggedFile]:
        """Every sample with an image; an archive that is broken is listed as a problem."""
        names = self._class_names()
        for shard in _shards(self.tree):
            try:
                yield from self._samples(shard, names)
            except (UnreadableError, tarfile.TarError, EOFError, OSError) as error:
                # A cut archive keeps the samples before the cut.
                yield TaggedFile(
                    shard, problem=f"an archive that cannot be read to its end: {error}"
                )

    def read(self, address: str) -> bytes:
        """The bytes of a member of an archive.

        Raises:
            UnreadableError: If there is no such place, or the archive has become shorter.
        """
        place = _PLACE.fullmatch(address)
        if place is None:
            raise UnreadableError("no place in an archive")
        shard, offset, size = place[1], int(place[2]), int(place[3])
        if size > MAX_FILE_BYTES:
            raise UnreadableError(f"larger than {MAX_FILE_BYTES} bytes")
        data = self.tree.read_range(shard, offset, size)
        if len(data) < size:
            raise UnreadableError("the archive is cut short")
        return data

    def _samples(self, shard: str, names: list[str]) -> Iterator[TaggedFile]:
        split = split_of(shard)
        with (
            self.tree.open(shard) as file,
            tarfile.open(fileobj=file, mode="r:") as archive,
        ):
            for key, group in groupby(_members(archive), lambda member: _split_name(member)[0]):
                members = {_split_name(member)[1]: member for member in group}
                suffix = next((suffix for suffix in IMAGES if suffix in members), None)
                if suffix is None:
                    continue
                image = members[suffix]
                tags: tuple[str, ...] = ()
                problem = _why_unsafe(image)
                for name in TAGS:
                    if name in members and not problem:
                        try:
                            tags += _tags(name, _content(archive, members[name]), names)
                        except ValueError as error:
                            problem = f"its tags {key}.{name} cannot be read: {error}"
                yield TaggedFile(
                    path=f"{shard}/{image.name}",
                    tags=unique(tags),
                    split=split,
                    problem=problem,
                    # Padded, so that the order of places is that of the archive.
                    place=f"{shard}:{image.offset_data:014d}:{image.size}",
                )

    def _class_names(self) -> list[str]:
        if CLASSES not in self.tree.files():
            return []
        return self.tree.read(CLASSES).decode("utf-8-sig", "replace").splitlines()


def _shards(tree: SandboxedFolder) -> list[str]:
    return tree.find(".tar", SPLIT_FOLDERS)


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Files and links of an archive, one after another, without what macOS hides there."""
    while (member := archive.next()) is not None:
        archive.members = []  # type: ignore[attr-defined]  # tarfile keeps them all
        if not member.isdir() and _NAME.fullmatch(member.name):
            yield member


def _split_name(member: tarfile.TarInfo) -> tuple[str, str]:
    found = _NAME.fullmatch(member.name)
    return (found[1], found[2].lower()) if found else (member.name, "")


def _why_unsafe(member: tarfile.TarInfo) -> str | None:
    if member.name.startswith("/") or ".." in member.name.split("/"):
        return "a name that leaves the archive"
    if not member.isreg() or member.issparse():
        return "a link or a special file inside the archive"
    return None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    if not member.isreg() or member.size > MAX_TAGS_BYTES:
        raise ValueError(f"no file of at most {MAX_TAGS_BYTES} bytes")
    file = archive.extractfile(member)
    return file.read().decode("utf-8-sig") if file else ""


def _tags(kind: str, text: str, names: list[str]) -> tuple[str, ...]:
    if kind == "txt":
        return tuple(text.replace("\n", "|").split("|"))
    if kind == "cls":
        number = text.strip()
        if not number.isdecimal() or not names:
            return (number,)
        if int(number) >= len(names):
            raise ValueError(f"class {number}, but {CLASSES} has {len(names)} lines")
        return (names[int(number)],)
    value = json.loads(text)
    tags = value.get("tags", []) if isinstance(value, dict) else value
    if isinstance(tags, str):
        tags = tags.split("|")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError("tags are a list of texts")
    return tuple(tags)
