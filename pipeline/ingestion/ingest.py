"""Ingestion of a source into rows of the images table: classes, duplicates, errors, counts.

It makes two passes over the files:

1. The first pass reads and hashes the files, and keeps only ids, paths and tags. A row's tags are
   the union over the whole source, so no row is complete before the last file is hashed. Keeping
   the images meanwhile would take the memory of the whole data set.
2. The second pass reads a file again and decodes it. It needs only the file's :class:`Image`, so
   it can run on any machine, in any order, and skip the ids that an earlier run has stored.

Reading twice is cheap compared with decoding: on a local disk, the second read comes from the
page cache.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from operator import attrgetter

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.choose_classes import choose_classes
from tag2mask.pipeline.ingestion.counts import IngestCounts
from tag2mask.pipeline.ingestion.decoding import DecodeError, normalized_bytes
from tag2mask.pipeline.ingestion.near_duplicates import NearDuplicateSettings, PerceptualIndex
from tag2mask.pipeline.ingestion.spellings import merge_spellings
from tag2mask.pipeline.records import ClassTable, Row, image_id
from tag2mask.pipeline.sources import Source, TaggedFile, UnreadableError
from tag2mask.pipeline.sources.splits import synonyms

BATCH = 4096
NAMES_SHOWN = 5
CLASSES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Image:
    """One row of the images table before its image is decoded.

    Args:
        id: SHA-256 of the file's bytes, or of its address if there are no bytes.
        path: Path relative to the source; the first in order of the files with these bytes.
        address: Address by which the source reads the file.
        tags: Sorted pixel values of the classes, over all files with these bytes.
        problem: Reason for an error row, if it is already known.
        near_duplicate_of: Id of the kept image, if this one is its near-duplicate.
    """

    id: str
    path: str
    address: str
    tags: tuple[int, ...]
    problem: str | None = None
    near_duplicate_of: str | None = None


@dataclass(frozen=True)
class Ingest:
    """The planned rows of the images table.

    Args:
        source: The source of the images.
        classes: The classes of the run.
        counts: Counts of the source's files, before decoding.
        images: One image for each row, sorted by id; negatives have no tags.
        left_out: Sentences with the first files of each reason for which files are left out.
    """

    source: Source
    classes: ClassTable
    counts: IngestCounts
    images: tuple[Image, ...]
    left_out: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about the reading of the source: merged spellings and skipped files."""
        return self.counts.notes

    def opening(self) -> list[str]:
        """The kind of the source with its classes and their images, then the notes."""
        tags = Counter(tag for image in self.images if not image.problem for tag in image.tags)
        largest = sorted(tags.items(), key=lambda item: (-item[1], item[0]))[:CLASSES_SHOWN]
        shown = [f"{self.classes.name(tag)} ({count:,})" for tag, count in largest]
        more = len(self.classes) - len(shown)
        named = ", ".join(shown) + (f" and {more} more" if more else "")
        first = (
            f"{self.source.uri} is a source of the kind {self.source.kind}, with "
            f"{len(self.classes)} classes and the number of their images: {named}"
        )
        return [first, *self.notes]

    def accounts(self) -> list[str]:
        """The counts before decoding, and the first files that are left out by their reason."""
        counts = self.counts.sentence(before_decoding=True)
        return [counts, *(f"  {line}" for line in self.left_out)]

    def rows(self) -> Iterator[Row]:
        """Iterate the rows of the images table, decoded one after another in this process."""
        for image in self.images:
            yield image_row(self.source, image)


def image_row(source: Source, image: Image) -> Row:
    """Make one row of the images table; it depends only on its arguments and never raises.

    An image that cannot be read or decoded has a null ``image``, ``height`` and ``width``, and
    an ``error`` that names its file and the cause.

    Args:
        source: The source of the image.
        image: The image, as :func:`ingest` planned it.
    """
    path = _printable(image.path)
    row: Row = {
        "id": image.id,
        "image": None,
        "height": None,
        "width": None,
        "tags": list(image.tags),
        "near_duplicate_of": image.near_duplicate_of,
        "error": None,
    }
    try:
        if image.problem:
            raise UnreadableError(image.problem)
        data = source.read(image.address)
        if image_id(data) != image.id:
            raise UnreadableError("the file changed during the ingestion")
        data, height, width = normalized_bytes(data)
    except (UnreadableError, DecodeError) as error:
        return row | {"error": f"{path}: {error}"}
    return row | {"image": {"bytes": data, "path": path}, "height": height, "width": width}


def ingest(
    source: Source,
    classes: Sequence[str] | ClassTable | None = None,
    split: str | None = None,
    near_duplicates: NearDuplicateSettings = NearDuplicateSettings(),  # noqa: B008 - frozen
    negatives: float = 0.0,
) -> Ingest:
    """List and hash a source's files, and determine classes, tags and duplicates.

    The result does not depend on the order in which the source lists its files.

    Args:
        source: A source, see :func:`tag2mask.pipeline.sources.open_source`.
        classes: The class names to keep, in the order of their pixel values. None keeps
            all tags of the source, sorted. A class table of an earlier version is used
            unchanged, even if the source has other tags now.
        split: Use only the files of this split; a source without splits is used as a whole.
        near_duplicates: Settings for the search for near-duplicates.
        negatives: Largest number of images with only unwanted tags, for each wanted image; they
            become rows without tags.

    Raises:
        UserError: If the source is empty, has no image of the split or of a class, has
            too many classes, or none of its files can be read.
    """
    everything = list(source.images())
    listed = [file for file in everything if not file.skipped]
    given = classes.names if isinstance(classes, ClassTable) else (classes or ())
    taken, split_note = _of_split(source, listed, split)
    of_split = set(map(id, taken))
    other_split = [file for file in listed if id(file) not in of_split]
    taken, merged = merge_spellings(taken, given)
    where = source.uri if len(taken) == len(listed) else f"{source.uri}, split {split!r},"
    table = choose_classes(where, {tag for file in taken for tag in file.tags}, classes)
    # A file without tags because of a broken annotation is an error row, not a skipped file.
    wanted = [
        (file, tags)
        # Neighbors in an archive are read one after the other.
        for file in sorted(taken, key=lambda file: (file.address, file.path))
        if (tags := _indices(table, file.tags)) or (file.problem and not file.tags)
    ]
    index = None if near_duplicates.distance is None else PerceptualIndex()
    repeated: list[str] = []
    images = _merged(_hash_all(source, wanted, index), repeated)
    others = _negatives(source, table, taken, int(negatives * len(wanted)), images)
    errors = [image for image in images if image.problem]
    if images and len(errors) == len(images):
        first = min(errors, key=lambda image: image.path)
        raise UserError(
            f"none of the {len(errors)} files of {source.uri} can be read; "
            f"the first is {_printable(first.path)}: {first.problem}"
        )
    if index is not None:
        images = _marked(images, index, near_duplicates)
    alike = sum(image.near_duplicate_of is not None for image in images)
    dropped = alike if near_duplicates.drop else 0
    counts = IngestCounts(
        images=len(listed),
        other_split=len(listed) - len(taken),
        other_tags=len(taken) - len(wanted),
        tags_dropped=sum(tag not in table.names for file in taken for tag in file.tags),
        duplicates=len(wanted) - len(images),
        near_duplicates=alike,
        dropped=dropped,
        errors=len(errors),
        kept=len(images) - len(errors) - dropped,
        negatives=len(others),
    )
    chosen = {id(file) for file, _ in wanted}
    left_out = (
        _named("of another split", [file.path for file in other_split]),
        _named(
            "skipped without a wanted tag", [file.path for file in taken if id(file) not in chosen]
        ),
        _named("the same as another", repeated),
        _named("skipped as near-duplicates", _problems(images, near=True)),
        _named("unreadable", _problems(images, near=False)),
    )
    skipped = [file.path for file in everything if file.skipped]
    notes = [*source.notes, *split_note, *merged, *_skipped(skipped)]
    rows = tuple(sorted((*images, *others), key=attrgetter("id")))
    counts = counts.model_copy(update={"notes": tuple(notes)})
    return Ingest(source, table, counts, rows, tuple(line for line in left_out if line))


def _of_split(
    source: Source, files: list[TaggedFile], split: str | None
) -> tuple[list[TaggedFile], list[str]]:
    """The files of a split, and a sentence if the split has another name in the source."""
    if not files:
        raise UserError(f"the source {source.uri} is empty: it lists no image")
    splits = {file.split for file in files if file.split}
    if split is None or not splits:
        return files, []
    others = [name for name in sorted(splits) if name.casefold() in synonyms(split)]
    name = split if split in splits or len(others) != 1 else others[0]
    if name not in splits:
        raise UserError(
            f"no image of {source.uri} is in the split {split!r}: choose one of "
            f"{', '.join(sorted(splits))} with --set split={min(splits)}, or take all with "
            "--set split=null"
        )
    # A file with a problem and without a split belongs to every split, so that it stays visible.
    taken = [file for file in files if file.split == name or (file.problem and not file.split)]
    return taken, [] if name == split else [f"the split {split} is called {name} in the source"]


def _skipped(paths: list[str]) -> list[str]:
    """A sentence about files that are not images, if there are any."""
    if not paths:
        return []
    names = _first_names(paths)
    return [f"skipped {len(paths):,} files whose names are not those of images: {names}"]


def _named(reason: str, paths: list[str]) -> str:
    """The number of files that are left out for a reason, and the first of them."""
    return f"{len(paths):,} {reason}: {_first_names(paths)}" if paths else ""


def _first_names(paths: list[str]) -> str:
    names = ", ".join(_printable(path) for path in sorted(paths)[:NAMES_SHOWN])
    return names + (f" and {len(paths) - NAMES_SHOWN:,} more" if len(paths) > NAMES_SHOWN else "")


def _problems(images: tuple[Image, ...], *, near: bool) -> list[str]:
    """Paths of the images with a problem, with the problem in words."""
    return [
        f"{image.path} ({image.problem})"
        for image in images
        if image.problem and (image.near_duplicate_of is not None) is near
    ]


def _negatives(
    source: Source,
    table: ClassTable,
    files: list[TaggedFile],
    at_most: int,
    images: tuple[Image, ...],
) -> tuple[Image, ...]:
    """Draw images that have tags, but none of the classes, independently of the files' order."""
    others = [
        file for file in files if file.tags and not file.problem and not _indices(table, file.tags)
    ]
    drawn = sorted(others, key=lambda file: (_hash(file.address), file.path))[:at_most]
    known = {image.id for image in images}  # the same bytes may have a wanted tag elsewhere
    found = _merged(_hash_all(source, [(file, ()) for file in drawn], index=None))
    return tuple(each for each in found if not each.problem and each.id not in known)


def _hash(address: str) -> str:
    return hashlib.sha256(address.encode("utf-8", "surrogateescape")).hexdigest()


def _indices(table: ClassTable, tags: Sequence[str]) -> tuple[int, ...]:
    return tuple(sorted(table.index(tag) for tag in tags if tag in table.names))


def _hash_all(
    source: Source, files: list[tuple[TaggedFile, tuple[int, ...]]], index: PerceptualIndex | None
) -> Iterator[Image]:
    """Iterate the images of files in their order; several threads read them."""
    with ThreadPoolExecutor(source.readers) as readers:
        for start in range(0, len(files), BATCH):  # waiting tasks need more memory than results
            batch = files[start : start + BATCH]
            yield from readers.map(lambda pair: _hashed(source, index, *pair), batch)


def _hashed(
    source: Source, index: PerceptualIndex | None, file: TaggedFile, tags: tuple[int, ...]
) -> Image:
    problem = file.problem
    if not problem:
        try:
            data = source.read(file.address)
        except UnreadableError as error:
            problem = str(error)
        else:
            if data:
                image = Image(image_id(data), file.path, file.address, tags)
                if index is not None:
                    index.add(image.id, data)
                return image
            # Identified by their bytes, all empty files would be one row with one name.
            problem = "empty file"
    return Image(_hash(file.address), file.path, file.address, tags, problem)


def _merged(images: Iterator[Image], repeated: list[str] | None = None) -> tuple[Image, ...]:
    """Merge the images of each id: the first by its path, with the tags of all.

    Args:
        images: Images, several of which may have one id.
        repeated: Takes the paths of the images whose id has come before.
    """
    found: dict[str, Image] = {}
    for image in images:
        other = found.get(image.id, image)
        if other is not image and repeated is not None:
            repeated.append(f"{image.path} (as {other.path})")
        first = min(other, image, key=lambda one: (one.path, one.address))
        tags = tuple(sorted({*other.tags, *image.tags}))
        found[image.id] = first if tags == first.tags else replace(first, tags=tags)
    return tuple(found[key] for key in sorted(found))


def _marked(
    images: tuple[Image, ...], index: PerceptualIndex, settings: NearDuplicateSettings
) -> tuple[Image, ...]:
    """Mark near-duplicates with the id of the kept image."""
    found = index.near_duplicates(settings.distance or 0)
    names = {image.id: _printable(image.path) for image in images}

    def marked(image: Image) -> Image:
        chosen = found.get(image.id)
        if chosen is None:
            return image
        problem = f"near-duplicate of {names[chosen]}" if settings.drop else None
        return replace(image, near_duplicate_of=chosen, problem=problem)

    return tuple(map(marked, images))


def _printable(path: str) -> str:
    """A path as text for Arrow and terminals: names on disk need not be UTF-8."""
    return path.encode("utf-8", "backslashreplace").decode()
