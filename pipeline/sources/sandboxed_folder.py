"""A folder, local or on an object store, that nobody can read their way out of."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PureWindowsPath
from typing import IO, Any

from fsspec.implementations.local import LocalFileSystem

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.places import locate_source
from tag2mask.pipeline.tables.retries import call_with_retries

MAX_FILE_BYTES = 2**27  # a file is read whole, several at once

# What operating systems, archives and storage devices leave beside files.
_OF_SYSTEMS = frozenset(
    {
        "__macosx",
        "@eadir",
        "#recycle",
        "$recycle.bin",
        "system volume information",
        "lost+found",
        "thumbs.db",
        "desktop.ini",
    }
)


class UnreadableError(Exception):
    """A file of a source that cannot or may not be read; the text is the short cause."""


class SandboxedFolder:
    """The files below one folder, read through fsspec.

    Args:
        uri: A local path or an fsspec URI (``memory://``, ``s3://``) of a folder, or of a
            single file: that is a tree of this file alone, whatever lies beside it.

    Raises:
        UserError: If nothing is there or its storage cannot be reached.
    """

    def __init__(self, uri: str) -> None:
        """Find the folder."""
        self._fs, root = locate_source(uri)
        folder = self._fs.isdir(root)
        self.uri = uri
        self._local = isinstance(self._fs, LocalFileSystem)
        root = root if self._local else root.rstrip("/")
        # A file that is named itself may be a link: the user means its target.
        self._single = None if folder else (root.rpartition("/")[2], self._real(root))
        self._root: str = self._real(root if folder else root.rpartition("/")[0])

    def files(self, folder: str = "") -> list[str]:
        """Names of the files directly in a folder, sorted, without hidden ones.

        A link that leaves the tree, a broken one and anything that is neither file nor
        folder stand here too, so that reading them says why they cannot be read.
        """
        return [name for name, is_folder in self._entries(folder) if not is_folder]

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders directly in a folder, sorted, without hidden ones."""
        return [name for name, is_folder in self._entries(folder) if is_folder]

    def is_around(self, folder: str) -> bool:
        """Whether a folder is a link to the tree's root or to a folder that holds the link."""
        if not self._local:
            return False
        place = f"{self._root}/{folder}"
        real = os.path.realpath(place)
        around = os.path.realpath(os.path.dirname(place))
        return os.path.commonpath([real, around]) == real

    @property
    def is_file(self) -> bool:
        """Whether the tree is a single file."""
        return self._single is not None

    def find(self, suffix: str, folders: Sequence[str] = ()) -> list[str]:
        """Paths of the files with a suffix, in the tree's root and in some of its folders.

        Those that may not be read stand here too: see :meth:`problem`.
        """
        return [
            f"{folder}/{name}" if folder else name
            for folder in ("", *folders)
            for name in self.files(folder)
            if name.endswith(suffix)
        ]

    def problem(self, path: str) -> str | None:
        """Why a file may not be read; None if nothing speaks against trying."""
        try:
            self._resolve(path)
        except UnreadableError as error:
            return str(error)
        return None

    def read(self, path: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
        """The bytes of a file.

        Raises:
            UnreadableError: If it is missing, larger than ``max_bytes``, not a file, outside
                the tree, or the storage refuses.
        """
        # Asking for one byte too many shows a giant without a request for its size.
        data = self.read_range(path, 0, max_bytes + 1)
        if len(data) > max_bytes:
            raise UnreadableError(f"larger than {max_bytes} bytes")
        return data

    def read_range(self, path: str, start: int, size: int) -> bytes:
        """At most ``size`` bytes of a file from ``start``; fewer where the file ends before.

        Raises:
            UnreadableError: If the file is missing, not a file, outside the tree, or the
                storage refuses.
        """
        resolved = self._resolve(path)
        with _short_cause():
            data: bytes = self._call(self._fs.cat_file, resolved, start=start, end=start + size)
        return data

    def open(self, path: str) -> IO[bytes]:
        """A file opened for reading from its beginning.

        Raises:
            UnreadableError: As :meth:`read_range` does.
        """
        resolved = self._resolve(path)
        with _short_cause():
            file: IO[bytes] = self._fs.open(resolved, "rb")
        return file

    def _call(self, method: Callable[..., Any], *args: object, **kwargs: object) -> Any:  # noqa: ANN401
        # An error that passes must not become the row of an image that cannot be read.
        return (
            method(*args, **kwargs)
            if self._local
            else call_with_retries(self.uri, method, *args, **kwargs)
        )

    def _real(self, path: str) -> str:
        return os.path.realpath(path) if self._local else path

    def _entries(self, folder: str) -> list[tuple[str, bool]]:
        if self._single is not None:
            return [] if folder else [(self._single[0], False)]
        path = f"{self._root}/{folder}" if folder else self._root
        if self._local and not self._inside(os.path.realpath(path)):
            return []
        try:
            listed = self._call(self._fs.ls, path, detail=True)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UserError(
                f"cannot list {folder or 'the folder'} of the source {self.uri}: {error}"
            ) from error
        # Object stores list a folder's own placeholder among its entries.
        entries = (
            (entry["name"].rstrip("/").rsplit("/", 1)[-1], self._is_folder(entry))
            for entry in listed
            if entry["name"].rstrip("/") != path.rstrip("/")
        )
        return sorted((name, is_folder) for name, is_folder in entries if not _is_hidden(name))

    def _is_folder(self, entry: dict[str, object]) -> bool:
        if not entry.get("islink"):
            return entry["type"] == "directory"
        target = os.path.realpath(str(entry["name"]))
        return self._inside(target) and os.path.isdir(target)

    def _inside(self, real: str) -> bool:
        return os.path.commonpath([self._root, real]) == self._root

    def _resolve(self, path: str) -> str:
        """The path that the storage understands, after every check that needs no reading."""
        if "://" in path:
            raise UnreadableError("a URL; a source holds its own files")
        parts = path.replace("\\", "/").split("/")
        if not parts[0] or PureWindowsPath(path).is_absolute():
            raise UnreadableError("an absolute path; paths are relative to the source")
        if ".." in parts:
            raise UnreadableError("a path with '..', which may leave the source")
        if "\0" in path:
            raise UnreadableError("a path with a NUL character")
        if self._single is not None:
            if path != self._single[0]:
                raise UnreadableError("no such file")
            return self._single[1]
        full = f"{self._root}/{path}"
        if not self._local:
            return full
        real = os.path.realpath(full)
        if not self._inside(real):
            raise UnreadableError("a link that leaves the source")
        # Opening a pipe would wait for ever.
        if os.path.exists(real) and not os.path.isfile(real):
            raise UnreadableError("not a file")
        return real


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _OF_SYSTEMS


@contextmanager
def _short_cause() -> Iterator[None]:
    """Turn errors of the storage into an UnreadableError."""
    try:
        yield
    except FileNotFoundError:
        raise UnreadableError("no such file") from None
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error
