"""Byte ranges of a folder's files, read from any thread and any process."""

from __future__ import annotations

import os
from typing import IO, Any

from tag2mask.pipeline.tables.storage import Folder

_OPEN_FILES = 256


class Ranges:
    """Reads ranges of files. It can be pickled, and used on both sides of a fork.

    Args:
        uri: Of the folder.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._process = 0
        self._folder: Folder
        self._files: dict[str, IO[bytes]]

    def __reduce__(self) -> tuple[type[Ranges], tuple[str]]:
        """Open files stay behind."""
        return Ranges, (self._uri,)

    def read(self, name: str, start: int, stop: int) -> bytes:
        """The bytes of a file from ``start`` to ``stop``."""
        if self._process != os.getpid():  # connections do not survive a fork
            self._folder, self._files, self._process = Folder(self._uri), {}, os.getpid()
        if not self._folder.local:
            return self._folder.read_range(name, start, stop)
        # Held here: another thread may start the dictionary again, and a file is closed when
        # its last user lets go of it.
        file = self._open(name)
        # pread has no position that threads or forks could move under each other.
        return os.pread(file.fileno(), stop - start, start)

    def _open(self, name: str) -> IO[Any]:
        file = self._files.get(name)
        if file is None:
            if len(self._files) >= _OPEN_FILES:
                self._files = {}
            file = self._files[name] = self._folder.open(name)
        return file
