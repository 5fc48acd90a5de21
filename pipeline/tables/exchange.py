"""Two folders that change places in one step, so that nobody sees anything between."""

from __future__ import annotations

import ctypes
import os
import uuid

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def exchange(new: str, place: str) -> None:
    """Put a folder into a place; what was there is at the other path afterwards.

    Python's ``os.rename`` replaces no folder that has content. Linux exchanges two folders
    in one step (renameat2, Linux 3.15). Where that is unknown the old one makes room first,
    and for a moment nothing is there.

    Args:
        new: A folder.
        place: Where it shall be, on the same disk; nothing, or a folder.

    Raises:
        OSError: If a folder cannot be moved.
    """
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if not os.path.exists(place):
        os.rename(new, place)
    elif not _swapped(new, place):
        aside = f"{new}-{uuid.uuid4().hex}"
        os.rename(place, aside)
        os.rename(new, place)
        os.rename(aside, new)


def _swapped(one: str, other: str) -> bool:
    try:
        rename = ctypes.CDLL(None).renameat2
    except (OSError, AttributeError):  # not Linux, or a C library of before 2018
        return False
    paths = os.fsencode(one), os.fsencode(other)
    return rename(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0
