"""A file on an object store that is read piece by piece."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import IO, Any, cast

# One request covers the small columns of a Parquet file; a larger one would waste traffic.
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
    """Open a seekable file that requests little more than the bytes that are read.

    fsspec's own files read 50 MB ahead on S3, even for one row group, and cannot repeat a
    request that fails in the middle.

    Args:
        fetch: Called with the first position and the one after the last; returns the bytes.
        size: Size of the file in bytes.
    """
    return cast(IO[bytes], io.BufferedReader(_RemoteFile(fetch, size), _READ_AHEAD))
