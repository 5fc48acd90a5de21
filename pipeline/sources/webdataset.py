"""Webdataset shards: tar archives with an image and its tags under one name."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

from tag2mask.pipeline.records.name_lists import name_lines, split_tags
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

# The key ends at the name's first dot; what macOS hides in archives has no key.
_NAME = re.compile(r"((?:.*/)?[^./][^./]*)\.([^/]*)")
_PLACE = re.compile(r"(.+):(\d+):(\d+)")


@dataclass
class _Sample:
    """The members of one key: images by their suffixes, tags, and other suffixes."""

    key: str
    images: dict[str, TaggedFile] = field(default_factory=dict)
    tags: dict[str, tuple[tuple[str, ...], str | None]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)

    def lacks(self, member: _Member) -> bool:
        """Whether there is no such member yet."""
        return member.suffix not in (self.images if member.image else self.tags)

    def add(self, member: _Member) -> None:
        """Take a member in."""
        if member.image:
            self.images[member.suffix] = member.image
        elif member.tags:
            self.tags[member.suffix] = member.tags
        else:
            self.others.append(f"{self.key}.{member.suffix}")

    def file(self, shard: str, split: str | None) -> TaggedFile | None:
        """The image with its tags; a problem where tags have no image; None without both."""
        suffix = next((suffix for suffix in IMAGES if suffix in self.images), None)
        found = [self.tags[name] for name in TAGS if name in self.tags]
        tags = unique(tag for names, _ in found for tag in names)
        problem = next((cause for _, cause in found if cause), None)
        if suffix is not None:
            image = self.images[suffix]
            return replace(image, tags=tags, problem=image.problem or problem)
        if not tags and not problem:
            return None
        beside = f", only {', '.join(self.others)}" if self.others else ""
        missing = f"no image beside its tags{beside}: it needs one of {', '.join(IMAGES)}"
        return TaggedFile(f"{shard}/{self.key}", tags, split, problem=missing)


class WebdatasetSource(TreeSource):
    """Samples of ``*.tar``: ``key.jpg`` with ``key.json``, ``key.cls`` or ``key.txt``.

    The JSON is an object with ``tags`` (a list, or a text with ``|`` between them) or the
    list itself; the text file holds tags with ``|`` or line breaks between them; ``cls``
    holds the number of a class, whose name is that line, counted from 0, of
    ``classes.txt`` beside the shards, else the number itself. A key ends at the first dot of
    its name, unless an image and its tags share more than that. The members of a sample may
    stand anywhere in their archive. An archive is listed in one pass; an image is read by where
    it lies in it. Nothing is unpacked, and links inside an archive are not followed.
    """

    kind: ClassVar[str] = "webdataset"
    looked_for: ClassVar[str] = "webdataset shards (*.tar)"

    @classmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether there is an archive."""
        return bool(_shards(tree))

    def images(self) -> Iterator[TaggedFile]:
        """Every sample with an image or tags; a broken or empty archive is listed as a problem."""
        names = self._class_names()
        for shard in _shards(self.tree):
            split = split_of(shard)
            members: list[_Member] = []
            problem = None
            try:
                members.extend(self._members(shard, names))
            except (UnreadableError, tarfile.TarError, EOFError, OSError) as error:
                # A cut archive keeps the samples before the cut.
                problem = f"an archive that cannot be read to its end: {error}"
            files = [file for one in _samples(members) if (file := one.file(shard, split))]
            yield from files
            if not files and problem is None:
                problem = "an archive without samples"
            if problem is not None:
                yield TaggedFile(shard, split=split, problem=problem)

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

    def _members(self, shard: str, names: list[str]) -> Iterator[_Member]:
        split = split_of(shard)
        with (
            self.tree.open(shard) as file,
            tarfile.open(fileobj=file, mode="r:") as archive,
        ):
            while (member := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # tarfile keeps them all
                found = None if member.isdir() else _NAME.fullmatch(member.name)
                if found is None:
                    continue
                key, ending = found[1], found[2]
                inner, _, suffix = ending.rpartition(".")
                long_key, suffix = f"{key}.{inner}" if inner else key, suffix.lower()
                image = tags = None
                if suffix in IMAGES:
                    image = TaggedFile(
                        path=f"{shard}/{member.name}",
                        split=split,
                        problem=_why_unsafe(member),
                        # Padded, so that the order of places is that of the archive.
                        place=f"{shard}:{member.offset_data:014d}:{member.size}",
                    )
                elif suffix in TAGS and _why_unsafe(member) is None:
                    tags = _read_tags(archive, member, suffix, names)
                yield _Member(key, long_key, suffix, image, tags)

    def _class_names(self) -> list[str]:
        if CLASSES not in self.tree.files():
            return []
        return name_lines(self.tree.read(CLASSES).decode("utf-8", "replace"))


@dataclass(frozen=True)
class _Member:
    """A member of an archive, with its key up to the first dot and up to the last."""

    key: str
    long_key: str
    suffix: str
    image: TaggedFile | None
    tags: tuple[tuple[str, ...], str | None] | None


def _shards(tree: SandboxedFolder) -> list[str]:
    return tree.find(".tar", SPLIT_FOLDERS)


def _samples(members: list[_Member]) -> list[_Sample]:
    """The samples of an archive, in the order of their first members.

    ``a.seg.png`` belongs to the sample ``a``. But ``img.v2.jpg`` and ``img.v2.json`` are a
    sample of their own, and so is a lone image that has no other name.
    """
    whole = {one.long_key for one in members if one.image} & {
        one.long_key for one in members if one.tags
    }
    plain = {one.key for one in members if one.image and one.long_key == one.key}
    samples: dict[str, list[_Sample]] = {}
    for one in members:
        own = one.long_key in whole or (one.image is not None and one.key not in plain)
        key = one.long_key if own else one.key
        if one.long_key != key:
            continue  # another part of a sample, such as a.seg.png
        # The same name once more begins another sample, as in joined archives.
        known = samples.setdefault(key, [])
        sample = next((each for each in known if each.lacks(one)), None)
        if sample is None:
            sample = _Sample(key)
            known.append(sample)
        sample.add(one)
    return [sample for known in samples.values() for sample in known]


def _why_unsafe(member: tarfile.TarInfo) -> str | None:
    if member.name.startswith("/") or ".." in member.name.split("/"):
        return "a name that leaves the archive"
    if not member.isreg() or member.issparse():
        return "a link or a special file inside the archive"
    return None


def _read_tags(
    archive: tarfile.TarFile, member: tarfile.TarInfo, suffix: str, names: list[str]
) -> tuple[tuple[str, ...], str | None]:
    """The tags of a member, and why they cannot be read."""
    try:
        return _tags(suffix, _content(archive, member), names), None
    except ValueError as error:
        return (), f"its tags {member.name} cannot be read: {error}"


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    if not member.isreg() or member.size > MAX_TAGS_BYTES:
        raise ValueError(f"no file of at most {MAX_TAGS_BYTES} bytes")
    file = archive.extractfile(member)
    return file.read().decode("utf-8-sig") if file else ""


def _tags(kind: str, text: str, names: list[str]) -> tuple[str, ...]:
    if kind == "txt":
        return tuple(tag for line in name_lines(text) for tag in split_tags(line))
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
        tags = split_tags(tags)
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ValueError("tags are a list of texts")
    return tuple(tags)
