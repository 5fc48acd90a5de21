"""Folders on any storage that fsspec supports, with atomic writes."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from tag2mask.pipeline.errors import StorageError, UserError
from tag2mask.pipeline.tables.exchange import exchange
from tag2mask.pipeline.tables.remote_file import open_remote
from tag2mask.pipeline.tables.retries import call_with_retries

# Prefix of unfinished files. Listings leave them out, so that the half-written files of a killed
# process never count.
_UNFINISHED = ".tmp-"


@dataclass(frozen=True)
class StoredFile:
    """A written file: its name inside the folder, its size in bytes and its SHA-256."""

    name: str
    bytes: int
    sha256: str


class Folder:
    """A folder on a storage; it need not exist before a file is written into it.

    Names of files inside are relative, with slashes. The URI is made absolute at once, so
    folders can be pickled and opened again on another machine.

    Args:
        uri: A local path or a URI such as ``s3://bucket/run`` or ``memory://run``.

    Raises:
        UserError: If fsspec does not support the protocol or lacks its package.
    """

    def __init__(self, uri: str) -> None:
        try:
            # With cached listings, a driver that polls for new files would never find one, and a
            # file that was replaced elsewhere would keep its old size.
            self._fs, self._path = fsspec.core.url_to_fs(
                str(uri).rstrip("/") or "/", use_listings_cache=False
            )
        except (ValueError, ImportError) as error:
            raise UserError(
                f"cannot use {uri!r} as a storage ({error}): give a local path, or a URI whose "
                "fsspec package is installed here"
            ) from error
        self.local = isinstance(self._fs, LocalFileSystem)
        self.uri = self._path if self.local else str(self._fs.unstrip_protocol(self._path))

    def __reduce__(self) -> tuple[type[Folder], tuple[str]]:
        """Pickle only the URI: open connections cannot move to another process."""
        return Folder, (self.uri,)

    def folder(self, name: str) -> Folder:
        """A folder inside this one."""
        return Folder(f"{self.uri}/{name}")

    def check_writable(self) -> None:
        """Check before any work that files can be written here; leave no file behind.

        Raises:
            UserError: If files cannot be written here.
        """
        try:
            if self.local:
                _check_local(Path(self._path))
            else:
                probe = f"{self._path}/{_UNFINISHED}{uuid.uuid4().hex}"
                self._fs.pipe_file(probe, b"")
                self._fs.rm_file(probe)
        except Exception as error:  # each storage has its own errors: unknown host, no login
            raise UserError(f"cannot write to {self.uri}: {error}; choose another place") from error

    def open(self, name: str) -> IO[bytes]:
        """Open a file for reading.

        Raises:
            FileNotFoundError: If the file does not exist.
        """
        path = f"{self._path}/{name}"
        if self.local:
            return open(path, "rb")
        size = int(self._call(self._fs.info, path)["size"])
        return open_remote(
            lambda start, end: self._call(self._fs.cat_file, path, start=start, end=end), size
        )

    def read(self, name: str) -> bytes:
        """Read the bytes of a file.

        Raises:
            FileNotFoundError: If the file does not exist.
        """
        return bytes(self._call(self._fs.cat_file, f"{self._path}/{name}"))

    def read_range(self, name: str, start: int, stop: int) -> bytes:
        """Read the bytes of a file from ``start`` up to ``stop`` with one request."""
        path = f"{self._path}/{name}"
        return bytes(self._call(self._fs.cat_file, path, start=start, end=stop))

    def sizes(self) -> dict[str, int]:
        """The sizes in bytes of the finished files directly inside, by name and sorted."""
        try:
            entries: list[dict[str, Any]] = self._call(self._fs.ls, self._path, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        found = {
            str(entry["name"]).rsplit("/", 1)[-1]: int(entry["size"])
            for entry in entries
            if entry["type"] == "file"
        }
        return {name: found[name] for name in sorted(found) if not name.startswith(_UNFINISHED)}

    def names(self) -> set[str]:
        """The names of all that is directly inside: files, folders and links.

        A folder that does not exist or cannot be listed has none.
        """
        try:
            if self.local:
                return set(os.listdir(self._path))
            entries = self._call(self._fs.ls, self._path, detail=False)
        except Exception:  # each storage has its own errors: unknown host, no login
            return set()
        return {str(entry).rstrip("/").rsplit("/", 1)[-1] for entry in entries}

    def add(self, write: Callable[[IO[bytes]], object], name: Callable[[str], str]) -> StoredFile:
        """Write a file that appears complete or not at all.

        Args:
            write: Called with a seekable binary file; fills it.
            name: Called with the SHA-256 of the content; returns the file's name.
        """
        # On a local disk the unfinished file is in the same folder, so that the last step is a
        # rename on one device. An object store gets a single PUT.
        directory = self._path if self.local else tempfile.gettempdir()
        unfinished = os.path.join(directory, f"{_UNFINISHED}{uuid.uuid4().hex}")
        with _room_in(directory):
            os.makedirs(directory, exist_ok=True)
            try:
                with open(unfinished, "x+b") as file:
                    write(file)
                    file.flush()
                    os.fsync(file.fileno())
                    size = file.seek(0, os.SEEK_END)
                    file.seek(0)
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                stored = StoredFile(name(digest), size, digest)
                self._put(unfinished, stored.name)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(unfinished)
        return stored

    def write(self, name: str, data: bytes) -> StoredFile:
        """Write or replace a file, which appears complete or not at all."""
        return self.add(lambda file: file.write(data), lambda digest: name)

    def create(self, name: str, data: bytes) -> bool:
        """Write a small file if its name is free; of several callers at once, one succeeds.

        On S3 it is one conditional request. On a storage without such requests, two callers may
        in rare cases both succeed.

        Returns:
            Whether this call wrote the file.
        """
        path = f"{self._path}/{name}"
        try:
            if self.local:
                with _room_in(self._path):
                    _make_folder(self._path)
                    with open(path, "xb") as file:
                        file.write(data)
            else:
                self._call(self._fs.pipe_file, path, data, mode="create")
        except FileExistsError:
            # The file may come from our own first attempt, whose answer was lost.
            return self.read(name) == data
        return True

    def _put(self, unfinished: str, name: str) -> None:
        path = f"{self._path}/{name}"
        if self.local:
            os.replace(unfinished, path)
        else:
            self._call(self._fs.put_file, unfinished, path)

    def adopt(self, other: Folder, without: Iterable[str] = ()) -> None:
        """Add the content of another folder on the same storage.

        On a local disk files become hard links where the disk allows them.

        Args:
            other: The other folder; it need not exist.
            without: Names directly inside it to leave out.
        """
        if not self.local:
            for path in self._call(self._fs.find, other._path):
                name = str(path).removeprefix(f"{other._path}/")
                if name.split("/")[0] not in without:
                    self._call(self._fs.cp_file, path, f"{self._path}/{name}")
        elif os.path.isdir(other._path):
            shutil.copytree(
                other._path,
                self._path,
                copy_function=_link,
                ignore=lambda folder, names: without if folder == other._path else (),
            )

    def replace(self, target: Folder) -> None:
        """Exchange this folder with another, in one step if the system can.

        Raises:
            ValueError: If one of the two folders is not local: object stores cannot rename.
        """
        if not (self.local and target.local):
            raise ValueError("only local folders can replace each other")
        with _room_in(target._path):
            exchange(self._path, target._path)

    def move(self, name: str, target: str) -> None:
        """Move a file to another path inside this folder; a file that is there is replaced.

        On an object store the file is copied first, so that it is always at one of the places.
        """
        old, new = f"{self._path}/{name}", f"{self._path}/{target}"
        if self.local:
            os.makedirs(os.path.dirname(new), exist_ok=True)
            os.replace(old, new)
        else:
            self._call(self._fs.cp_file, old, new)
            self.remove([name])

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; missing ones are ignored."""
        for name in names:
            with suppress(FileNotFoundError):
                self._call(self._fs.rm_file, f"{self._path}/{name}")

    def remove_empty(self) -> None:
        """Remove a local folder if it is empty."""
        with suppress(OSError):
            os.rmdir(self._path)

    def remove_all(self) -> None:
        """Remove the folder and everything inside; a missing folder is ignored."""
        with suppress(FileNotFoundError):
            self._call(self._fs.rm, self._path, recursive=True)

    def _call(self, method: Callable[..., Any], *args: object, **kwargs: object) -> Any:  # noqa: ANN401
        return (
            method(*args, **kwargs)
            if self.local
            else call_with_retries(self.uri, method, *args, **kwargs)
        )


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copyfile(source, target)


@contextmanager
def _room_in(directory: str) -> Iterator[None]:
    """Turn the error of a full disk into a StorageError with an instruction."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StorageError(
            f"no space left in {directory}: free some and run the same command again; finished "
            "work is kept"
        ) from error


def _make_folder(path: str) -> None:
    """Make a local folder; a place that holds no folders is the user's to change."""
    try:
        os.makedirs(path, exist_ok=True)
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise UserError(
            f"cannot make the folder {path}: {error.strerror}; choose another place"
        ) from error


def _check_local(folder: Path) -> None:
    # If the folder does not exist yet, the nearest existing parent counts.
    place = next(path for path in (folder, *folder.parents) if path.exists())
    if not place.is_dir():
        raise NotADirectoryError(f"{place} is a file, not a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(f"no permission to write in {place}")
