"""What every export format has in common: it takes samples one by one and writes files."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, ClassVar

import numpy as np

from tag2mask.pipeline.records import ClassTable, Row, decode_mask

# The one part of a published dataset; formats that have parts call theirs so.
SUBSET = "train"
NOTHING_LOST = "nothing is lost: images, masks and their ignored pixels can be rebuilt exactly"

_PNG = b"\x89PNG"
_ID_DIGITS = 12
_NAME = re.compile(rf".+-([0-9a-f]{{{_ID_DIGITS}}})")


@dataclass(frozen=True)
class Sample:
    """One row of a dataset, ready to be written.

    Args:
        id: Of the row, 64 hexadecimal digits.
        name: Of its files, without an ending, safe on any file system and in lists.
        image: The bytes of its JPEG or PNG.
        ending: ``.jpg`` or ``.png``, what the image is.
        mask: (H, W) uint8: 0 background, 1 to K classes, 255 ignore.
        tags: Pixel values of its tags, sorted.
        confidence: Mean probability of the pixels of each class that the mask shows.
        mask_confidence: The same over all labeled pixels.
        source: The round that made the mask, or ``human``.
    """

    id: str
    name: str
    picture: bytes
    ending: str
    mask: np.ndarray
    tags: tuple[int, ...]
    confidence: Mapping[int, float]
    mask_confidence: float
    source: str

    @property
    def file(self) -> str:
        """The name of its image's file."""
        return f"{self.name}{self.ending}"


def sample_of(row: Row, name: str) -> Sample:
    """A row of a dataset as a sample."""
    picture = row["image"]["bytes"]
    return Sample(
        id=row["id"],
        name=name,
        picture=picture,
        ending=".png" if picture.startswith(_PNG) else ".jpg",
        mask=decode_mask(row["mask"]["bytes"]),
        tags=tuple(row["tags"]),
        confidence=dict(zip(row["classes"], row["confidence"], strict=True)),
        mask_confidence=row["mask_confidence"],
        source=row["source"],
    )


def plain_name(row: Row) -> str:
    """The stem of the image's path; what lists and file systems stumble over becomes ``_``."""
    stem = PurePosixPath(row["image"]["path"]).stem
    return re.sub(r"[^\w.-]+", "_", stem)[:100].lstrip(".-") or "picture"


def full_name(row: Row) -> str:
    """The plain name and the first digits of the id, which no two rows share in practice."""
    return f"{plain_name(row)}-{row['id'][:_ID_DIGITS]}"


def id_prefix(name: str) -> str | None:
    """The first digits of the id in a name that :func:`full_name` made; None in others."""
    found = _NAME.fullmatch(name)
    return found[1] if found else None


class Exporter(ABC):
    """Writes samples into an empty folder, in the memory of one sample.

    Args:
        folder: A local folder that exists and is empty.
        classes: The classes of the masks.
    """

    # Where the images go, relative to the folder.
    pictures: ClassVar[str]

    def __init__(self, folder: Path, classes: ClassTable) -> None:
        self.folder = folder
        self.classes = classes
        self._files = ExitStack()
        (folder / self.pictures).mkdir(parents=True)

    @abstractmethod
    def add(self, sample: Sample) -> None:
        """Write one sample; its name is new."""

    @abstractmethod
    def finish(self) -> str:
        """Write what needs all samples.

        Returns:
            A sentence on what the format has lost of these samples.
        """

    def close(self) -> None:
        """Close the files, whether all went well or not."""
        self._files.close()

    def free_name(self, row: Row, naming: Callable[[Row], str]) -> str:
        """A name that no sample has yet: the folder itself remembers those that are taken."""
        name = naming(row)
        folder = self.folder / self.pictures
        taken = any((folder / f"{name}{ending}").exists() for ending in (".jpg", ".png"))
        return full_name(row) if taken else name

    def write_picture(self, sample: Sample) -> None:
        """Write the image as it is."""
        (self.folder / self.pictures / sample.file).write_bytes(sample.picture)

    def new_file(self, path: str) -> IO[str]:
        """A text file that stays open until the exporter is closed."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return self._files.enter_context(open(target, "w", encoding="utf-8", newline="\n"))

    def names(self, values: tuple[int, ...]) -> list[str]:
        """The class names of pixel values."""
        return [self.classes.name(value) for value in values]
