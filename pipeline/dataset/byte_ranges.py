"""Byte ranges of a table's parts, for any thread and any process."""

from __future__ import annotations

import os
from typing import IO, Any

from tag2mask.pipeline.tables.part_files import use_part
from tag2mask.pipeline.tables.storage import Folder

_OPEN_FILES = 256


class Ranges:
    """A reader of byte ranges; it can be pickled, and used on both sides of a fork.

    Args:
        uri: URI of the table's folder.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._process = 0
        self._folder: Folder
        self._files: dict[str, IO[bytes]]

    def __reduce__(self) -> tuple[type[Ranges], tuple[str]]:
        """Pickle only the URI, not the open files."""
        return Ranges, (self._uri,)

    def read(self, name: str, start: int, stop: int) -> bytes:
        """Read the bytes of a part from ``start`` up to ``stop``.

        Args:
            name: Path of the part in the manifest.
            start: First byte.
            stop: Byte after the last one.

        Raises:
            UserError: If the part's version was pruned.
        """
        if self._process != os.getpid():  # connections do not survive a fork
            self._folder, self._files, self._process = Folder(self._uri), {}, os.getpid()
        if not self._folder.local:
            folder = self._folder
            return use_part(folder, name, lambda place: folder.read_range(place, start, stop))
        # Keep a reference: another thread may replace the dictionary, and a file is closed when
        # its last reference is gone.
        file = self._open(name)
        # pread uses no file position, which threads and forks would share.
        return os.pread(file.fileno(), stop - start, start)

    def _open(self, name: str) -> IO[Any]:
        file = self._files.get(name)
        if file is None:
            if len(self._files) >= _OPEN_FILES:
                self._files = {}
            file = self._files[name] = use_part(self._folder, name, self._folder.open)
        return file
