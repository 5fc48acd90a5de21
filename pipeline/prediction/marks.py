"""Marks in PNG files: which were made here, and of what.

A mark is a text chunk right behind the header (PNG specification, section 11.3.3), which every
reader skips. It tells finished files from those of another model, and both from a user's own files.
"""

from __future__ import annotations

import struct
import zlib

_HEADER_BYTES = 33  # signature and the chunk IHDR
_KEYWORD = b"tag2mask\0"
# Enough bytes of a file to read its mark.
MARK_BYTES = 256


def with_mark(png: bytes, mark: str) -> bytes:
    """The same PNG with a mark; its pixels stay.

    Args:
        png: The whole file.
        mark: Letters and digits, at most 100.
    """
    content = b"tEXt" + _KEYWORD + mark.encode("ascii")
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return png[:_HEADER_BYTES] + chunk + png[_HEADER_BYTES:]


def mark_of(start: bytes) -> str | None:
    """The mark of a file; None for a file without one.

    Args:
        start: The first :data:`MARK_BYTES` bytes of the file, or all if it has fewer.
    """
    chunk = start[_HEADER_BYTES:]
    if chunk[4 : 8 + len(_KEYWORD)] != b"tEXt" + _KEYWORD:
        return None
    (size,) = struct.unpack(">I", chunk[:4])
    return chunk[8 + len(_KEYWORD) : 8 + size].decode("ascii", "replace")
