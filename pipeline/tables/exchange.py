"""The exchange of two folders in one step, without a visible state in between."""

from __future__ import annotations

import ctypes
import os
import uuid

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


def exchange(new: str, place: str) -> None:
    """Move a folder to a place; a folder that was there moves to the other path.

    Python's ``os.rename`` cannot replace a folder that has content. Linux exchanges two folders
    in one step (renameat2, Linux 3.15). On other systems the old folder is moved away first, so
    the place is empty for a moment.

    Args:
        new: Path of the new folder.
        place: Its target on the same disk; a folder may be there.

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
    except (OSError, AttributeError):  # not Linux, or a C library from before 2018
        return False
    paths = os.fsencode(one), os.fsencode(other)
    return rename(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0
