"""A file on an object store, read piece by piece."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import IO, Any, cast

# Small columns of a Parquet file come in one request; more would be read in vain.
_READ_AHEAD = 2**20


class _RemoteFile(io.RawIOBase):
    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        data = self._fetch(self._at, end)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def open_remote(fetch: Callable[[int, int], bytes], size: int) -> IO[bytes]:
    """A seekable file that asks for what is read and little more.

    fsspec's own files read 50 MB ahead on S3, where a row group is wanted, and what fails
    in the middle cannot be asked for again.

    Args:
        fetch: Gets the first byte and the one after the last, and returns what is between.
        size: Of the file, in bytes.
    """
    return cast(IO[bytes], io.BufferedReader(_RemoteFile(fetch, size), _READ_AHEAD))
