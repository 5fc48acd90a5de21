"""What every kind of source has in common: it lists tagged files and reads them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from pipeline.sources.tree import Tree


@dataclass(frozen=True, slots=True)
class TaggedFile:
    """One picture file of a source, not read yet.

    Args:
        path: Relative to the source, with ``/``; it need not be safe to read.
        tags: Class names, each once.
        split: The part of the source it belongs to, such as ``train``; None without one.
        origin: The collection it was taken from, where the source says so.
        problem: Why it cannot be read or has no tags, where listing already shows it.
    """

    path: str
    tags: tuple[str, ...] = ()
    split: str | None = None
    origin: str | None = None
    problem: str | None = None


class Source(Protocol):
    """Tagged pictures somewhere; pickled, it still reads them in another process.

    A source never reaches outside itself: what its lists or links name elsewhere is
    reported as a problem and not read. Masks that lie beside the pictures are not read.
    """

    kind: ClassVar[str]
    looked_for: ClassVar[str]

    @property
    def uri(self) -> str:
        """Where the source is, for messages."""
        ...

    @classmethod
    def open(cls, uri: str) -> Self | None:
        """The source at a URI, None if what is there is of another kind.

        Raises:
            UserError: If nothing is there.
        """
        ...

    def pictures(self) -> Iterator[TaggedFile]:
        """Every picture with its tags, in no promised order.

        Raises:
            UserError: If the source as a whole cannot be understood.
        """
        ...

    def read(self, path: str) -> bytes:
        """The bytes of one of its pictures.

        Raises:
            UnreadableError: If the file is missing, unreadable or outside the source.
        """
        ...


class TreeSource(ABC):
    """A source that is a folder: each kind adds how to know it and how to list it."""

    kind: ClassVar[str]
    looked_for: ClassVar[str]

    def __init__(self, tree: Tree) -> None:
        """Keep the folder."""
        self.tree = tree

    @classmethod
    def open(cls, uri: str) -> Self | None:
        """The source at a URI, None if the folder there is of another kind.

        Raises:
            UserError: If there is no folder.
        """
        tree = Tree(uri)
        return cls(tree) if cls.accepts(tree) else None

    @classmethod
    @abstractmethod
    def accepts(cls, tree: Tree) -> bool:
        """Whether a folder looks like a source of this kind."""

    @abstractmethod
    def pictures(self) -> Iterator[TaggedFile]:
        """Every picture with its tags."""

    @property
    def uri(self) -> str:
        """Where the source is, for messages."""
        return self.tree.uri

    def read(self, path: str) -> bytes:
        """The bytes of a file below the folder.

        Raises:
            UnreadableError: If the file is missing, unreadable or outside the folder.
        """
        return self.tree.read(path)


def unique(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags without surrounding space, empty ones and repetitions, in their order."""
    return tuple(dict.fromkeys(tag for tag in map(str.strip, tags) if tag))
