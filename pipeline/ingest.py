"""From a source to the rows of the images table: classes, duplicates, errors, counts.

Two passes over the files. The first reads and hashes them, and keeps only ids, paths
and tags: a row's tags are the union over the whole source, so no row is known before
the last file is hashed, and keeping the pictures meanwhile would take the memory of
the data set. The second reads a file again and decodes it; it needs nothing but its
own :class:`Picture`, so it can run anywhere, in any order, and leave out the ids that
an earlier run has stored. Reading twice is cheap beside decoding: locally the second
read comes from the page cache.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.decoding import DecodeError, normalised_bytes
from pipeline.errors import UserError
from pipeline.records import ClassTable, Row, image_id
from pipeline.sources import Source, TaggedFile, UnreadableError

BATCH = 4096


@dataclass(frozen=True, slots=True)
class Picture:
    """One row of the images table before its picture is decoded.

    Args:
        id: SHA-256 of the file's bytes, or of its address when there are no bytes.
        path: Relative to the source; the first in order of the files with these bytes.
        address: What the source reads.
        tags: Pixel values of its classes, sorted, over all files with these bytes.
        problem: Why it cannot be read, where that is known already.
    """

    id: str
    path: str
    address: str
    tags: tuple[int, ...]
    problem: str | None = None


class IngestCounts(BaseModel):
    """What became of the pictures of a source.

    ``pictures`` is the sum of ``other_split``, ``left_out``, ``duplicates``, ``errors``
    and ``kept``. Decoding has not begun where these come from :func:`ingest`: see
    :meth:`after_decoding`.

    Args:
        pictures: Files that the source lists.
        other_split: Files of another split, not looked at.
        left_out: Files without a tag, or without one that was asked for; not read.
        tags_dropped: Tags that were not asked for, counted once for each file.
        duplicates: Files with the same bytes as another one.
        errors: Rows whose picture cannot be read.
        kept: Rows with a picture.
    """

    model_config = ConfigDict(frozen=True)

    pictures: int
    other_split: int
    left_out: int
    tags_dropped: int
    duplicates: int
    errors: int
    kept: int

    def after_decoding(self, errors: int) -> IngestCounts:
        """The same with ``errors`` as the number of rows that have an error in the end."""
        return self.model_copy(update={"errors": errors, "kept": self.kept + self.errors - errors})

    def sentence(self) -> str:
        """The counts in one line for people; what is zero is not mentioned."""
        parts = (
            (self.other_split, "of another split"),
            (self.left_out, "left out without a wanted tag"),
            (self.duplicates, "the same as another"),
            (self.errors, "unreadable"),
        )
        said = [f"{self.pictures:,} pictures: {self.kept:,} kept"]
        said += [f"{count:,} {what}" for count, what in parts if count]
        if self.tags_dropped:
            said.append(f"and {self.tags_dropped:,} tags dropped")
        return ", ".join(said)


@dataclass(frozen=True)
class Ingest:
    """What a source will put into the images table.

    Args:
        source: Where the pictures are read from.
        classes: The classes of the run.
        counts: What became of the source's files, before decoding.
        pictures: One for each row, sorted by id.
    """

    source: Source
    classes: ClassTable
    counts: IngestCounts
    pictures: tuple[Picture, ...]

    def rows(self) -> Iterator[Row]:
        """The rows of the images table, decoded one after the other in this process."""
        for picture in self.pictures:
            yield picture_row(self.source, picture)


def picture_row(source: Source, picture: Picture) -> Row:
    """One row of the images table; it depends on its arguments alone and never raises.

    A picture that cannot be read or decoded has a null ``image``, ``height`` and
    ``width``, and an ``error`` that names its file and the cause.
    """
    path = _printable(picture.path)
    row: Row = {
        "id": picture.id,
        "image": None,
        "height": None,
        "width": None,
        "tags": list(picture.tags),
        "error": None,
    }
    try:
        if picture.problem:
            raise UnreadableError(picture.problem)
        data = source.read(picture.address)
        if image_id(data) != picture.id:
            raise UnreadableError("it changed while it was being ingested")
        data, height, width = normalised_bytes(data)
    except (UnreadableError, DecodeError) as error:
        return row | {"error": f"{path}: {error}"}
    return row | {"image": {"bytes": data, "path": path}, "height": height, "width": width}


def ingest(
    source: Source, classes: Sequence[str] | ClassTable | None = None, split: str | None = None
) -> Ingest:
    """List and hash a source's files, and settle classes, tags and duplicates.

    The result does not depend on the order in which the source lists its files.

    Args:
        source: What :func:`pipeline.sources.open_source` opened.
        classes: The class names to keep, in the order of their pixel values. None keeps
            all tags of the source, sorted. A class table is that of an earlier version,
            taken as it is, whatever tags the source has by now.
        split: Take only the files of this split; a source without splits is taken whole.

    Raises:
        UserError: If the source is empty, has no picture of the split or of a class, has
            too many classes, or none of its files can be read.
    """
    listed = list(source.pictures())
    taken = _of_split(source, listed, split)
    where = source.uri if len(taken) == len(listed) else f"{source.uri}, split {split!r},"
    table = _class_table(where, taken, classes)
    # A file without tags whose annotation is broken is an error to show, not left out.
    wanted = [
        (file, tags)
        # Neighbours in an archive are read one after the other.
        for file in sorted(taken, key=lambda file: (file.address, file.path))
        if (tags := _indices(table, file.tags)) or (file.problem and not file.tags)
    ]
    pictures = _merged(_hash_all(source, wanted))
    errors = [picture for picture in pictures if picture.problem]
    if pictures and len(errors) == len(pictures):
        first = min(errors, key=lambda picture: picture.path)
        raise UserError(
            f"none of the {len(errors)} files of {source.uri} can be read; "
            f"the first is {_printable(first.path)}: {first.problem}"
        )
    counts = IngestCounts(
        pictures=len(listed),
        other_split=len(listed) - len(taken),
        left_out=len(taken) - len(wanted),
        tags_dropped=sum(tag not in table.names for file in taken for tag in file.tags),
        duplicates=len(wanted) - len(pictures),
        errors=len(errors),
        kept=len(pictures) - len(errors),
    )
    return Ingest(source, table, counts, pictures)


def _of_split(source: Source, files: list[TaggedFile], split: str | None) -> list[TaggedFile]:
    if not files:
        raise UserError(f"the source {source.uri} is empty: it lists no picture")
    splits = {file.split for file in files if file.split}
    if split is None or not splits:
        return files
    taken = [file for file in files if file.split == split]
    if not taken:
        raise UserError(
            f"no picture of {source.uri} is in the split {split!r}: "
            f"it has {', '.join(sorted(splits))}"
        )
    return taken


def _class_table(
    where: str, files: list[TaggedFile], classes: Sequence[str] | ClassTable | None
) -> ClassTable:
    if isinstance(classes, ClassTable):
        return classes
    tags = sorted({tag for file in files for tag in file.tags})
    if not tags:
        raise UserError(f"no picture of {where} has a tag: there is nothing to label")
    for name in classes or ():
        if name not in tags:
            near = difflib.get_close_matches(name, tags, n=1)
            advice = f"did you mean {near[0]!r}?" if near else f"the tags are {_some(tags)}"
            raise UserError(f"no picture of {where} has the tag {name!r}: {advice}")
    names = tuple(tags if classes is None else classes)
    if reserved := {"background", "ignore"} & set(names):
        raise UserError(
            f"the tag {min(reserved)!r} of {where} is what masks call pixels without a "
            "class: rename it, or name the other classes to keep"
        )
    try:
        return ClassTable(names=names)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise UserError(f"{reason}; choose the classes of {where} by name") from error


def _some(tags: list[str]) -> str:
    return ", ".join(tags[:20]) + (f" and {len(tags) - 20} more" if len(tags) > 20 else "")


def _indices(table: ClassTable, tags: Sequence[str]) -> tuple[int, ...]:
    return tuple(sorted(table.index(tag) for tag in tags if tag in table.names))


def _hash_all(source: Source, files: list[tuple[TaggedFile, tuple[int, ...]]]) -> Iterator[Picture]:
    """The pictures of files, in their order, read by several threads."""
    with ThreadPoolExecutor(source.readers) as readers:
        for start in range(0, len(files), BATCH):  # a waiting task costs more than its result
            batch = files[start : start + BATCH]
            yield from readers.map(lambda pair: _hashed(source, *pair), batch)


def _hashed(source: Source, file: TaggedFile, tags: tuple[int, ...]) -> Picture:
    problem = file.problem
    if not problem:
        try:
            data = source.read(file.address)
        except UnreadableError as error:
            problem = str(error)
        else:
            if data:
                return Picture(image_id(data), file.path, file.address, tags)
            # By their bytes all empty files would be one row, and all but one unnamed.
            problem = "empty file"
    address_id = hashlib.sha256(file.address.encode("utf-8", "surrogateescape")).hexdigest()
    return Picture(address_id, file.path, file.address, tags, problem)


def _merged(pictures: Iterator[Picture]) -> tuple[Picture, ...]:
    """One picture for each id: the first by its path, with the tags of all."""
    found: dict[str, Picture] = {}
    for picture in pictures:
        other = found.get(picture.id, picture)
        first = min(other, picture, key=lambda one: (one.path, one.address))
        tags = tuple(sorted({*other.tags, *picture.tags}))
        found[picture.id] = first if tags == first.tags else replace(first, tags=tags)
    return tuple(found[key] for key in sorted(found))


def _printable(path: str) -> str:
    """A path as text that Arrow and terminals take: names on disk need not be UTF-8."""
    return path.encode("utf-8", "backslashreplace").decode()
