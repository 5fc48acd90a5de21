"""The interface of sources: each kind lists tagged files and reads them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from tag2mask.pipeline.sources.downloads import Downloads
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder

READERS = 8
_BREAKS = re.compile(r"[\r\n]+")


@dataclass(frozen=True, slots=True)
class TaggedFile:
    """One image file of a source, not read yet.

    Args:
        path: Path relative to the source, with ``/``; it need not be safe to read.
        tags: Class names, each once.
        split: Split of the image, such as ``train``; None without one.
        origin: The collection it was taken from, where the source says so.
        problem: Reason why it cannot be read or has no tags, if listing already shows it.
        place: Address for :meth:`Source.read`, if it is not the path: images inside archives,
            in tables and on the web have one.
        skipped: Whether it is no image by its name; it is named and not read.
    """

    path: str
    tags: tuple[str, ...] = ()
    split: str | None = None
    origin: str | None = None
    problem: str | None = None
    place: str | None = None
    skipped: bool = False

    @property
    def address(self) -> str:
        """Address for :meth:`Source.read`; neighbors in its order are neighbors in storage."""
        return self.path if self.place is None else self.place


class Source(Protocol):
    """Tagged images somewhere; pickled, it still reads them in another process.

    A source never reaches outside itself: what its lists or links name elsewhere is
    reported as a problem and not read. Masks that lie beside the images are not read.
    """

    kind: ClassVar[str]
    looked_for: ClassVar[str]

    @property
    def uri(self) -> str:
        """Local path or URI of the source, for messages."""
        ...

    @property
    def readers(self) -> int:
        """Number of images to read at once."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """Sentences on how the source was read; complete when :meth:`images` has ended."""
        ...

    @classmethod
    def open(cls, uri: str, downloads: Downloads) -> Self | None:
        """The source at a URI, None if what is there is of another kind.

        Args:
            uri: A local path or fsspec URI.
            downloads: Reader of the URLs that it may hold.

        Raises:
            UserError: If nothing is there.
        """
        ...

    def images(self) -> Iterator[TaggedFile]:
        """Every image with its tags, in no promised order.

        Raises:
            UserError: If the source as a whole cannot be understood.
        """
        ...

    def read(self, address: str) -> bytes:
        """The bytes of one of its images, by several threads at once.

        Raises:
            UnreadableError: If the file is missing, unreadable or outside the source.
        """
        ...


class TreeSource(ABC):
    """A source that is a folder or a file; each kind recognizes and lists its own layout."""

    kind: ClassVar[str]
    looked_for: ClassVar[str]

    def __init__(self, tree: SandboxedFolder, downloads: Downloads) -> None:
        """Keep the folder, and the reader of URLs."""
        self.tree = tree
        self.downloads = downloads
        self.notes: list[str] = []

    @classmethod
    def open(cls, uri: str, downloads: Downloads) -> Self | None:
        """The source at a URI, None if what is there is of another kind.

        Raises:
            UserError: If nothing is there.
        """
        tree = SandboxedFolder(uri)
        return cls(tree, downloads) if cls.accepts(tree) else None

    @classmethod
    @abstractmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether a folder or file looks like a source of this kind."""

    @abstractmethod
    def images(self) -> Iterator[TaggedFile]:
        """Every image with its tags."""

    @property
    def uri(self) -> str:
        """Local path or URI of the source, for messages."""
        return self.tree.uri

    @property
    def readers(self) -> int:
        """Enough to hide the latency of an object store; each holds one file."""
        return READERS

    def read(self, address: str) -> bytes:
        """The bytes of a file below the folder.

        Raises:
            UnreadableError: If the file is missing, unreadable or outside the folder.
        """
        return self.tree.read(address)


def unique(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags without surrounding space, empty ones and repetitions, in their order.

    A line break inside a tag becomes a space: lists have one name a line.
    """
    cleaned = (_BREAKS.sub(" ", tag.strip()) for tag in tags)
    return tuple(dict.fromkeys(tag for tag in cleaned if tag))
