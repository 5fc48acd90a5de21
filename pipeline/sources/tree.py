"""A folder, local or on an object store, that nobody can read their way out of."""

from __future__ import annotations

import os
from pathlib import PureWindowsPath

import fsspec
from fsspec.implementations.local import LocalFileSystem

from pipeline.errors import UserError

MAX_FILE_BYTES = 2**27  # a file is read whole, several at once


class UnreadableError(Exception):
    """A file of a source that cannot or may not be read; the text is the short cause."""


class Tree:
    """The files below one folder, read through fsspec.

    Args:
        uri: A local path or an fsspec URI of a folder (``memory://``, ``s3://``).

    Raises:
        UserError: If there is no such folder or its storage cannot be reached.
    """

    def __init__(self, uri: str) -> None:
        """Find the folder."""
        try:
            self._fs, root = fsspec.core.url_to_fs(uri)
            found = self._fs.exists(root)
            folder = found and self._fs.isdir(root)
        except Exception as error:  # every storage has its own errors: no driver, no login
            raise UserError(f"cannot reach the source {uri}: {error}") from error
        if not folder:
            what = "is a file; a source is a folder" if found else "does not exist"
            raise UserError(f"the source {uri} {what}: give the folder that holds the pictures")
        self.uri = uri
        self._local = isinstance(self._fs, LocalFileSystem)
        self._root: str = os.path.realpath(root) if self._local else root.rstrip("/")

    def files(self, folder: str = "") -> list[str]:
        """Names of the files directly in a folder, sorted, without hidden ones.

        A link that leaves the tree, a broken one and anything that is neither file nor
        folder stand here too, so that reading them says why they cannot be read.
        """
        return [name for name, is_folder in self._entries(folder) if not is_folder]

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders directly in a folder, sorted, without hidden ones."""
        return [name for name, is_folder in self._entries(folder) if is_folder]

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
        resolved = self._resolve(path)
        try:
            # Asking for one byte too many shows a giant without a request for its size.
            data: bytes = self._fs.cat_file(resolved, start=0, end=max_bytes + 1)
        except FileNotFoundError:
            raise UnreadableError("no such file") from None
        except OSError as error:
            raise UnreadableError(error.strerror or str(error)) from error
        if len(data) > max_bytes:
            raise UnreadableError(f"larger than {max_bytes} bytes")
        return data

    def _entries(self, folder: str) -> list[tuple[str, bool]]:
        path = f"{self._root}/{folder}" if folder else self._root
        if self._local and not self._inside(os.path.realpath(path)):
            return []
        try:
            listed = self._fs.ls(path, detail=True)
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
        return sorted((name, is_folder) for name, is_folder in entries if name[:1] != ".")

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
