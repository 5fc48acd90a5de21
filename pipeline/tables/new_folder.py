"""A new local folder that appears complete or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tag2mask.pipeline.errors import UserError

# Errors of the target folder, in contrast to errors of files that the caller reads meanwhile.
_OF_THE_PLACE = {
    errno.EACCES,
    errno.EDQUOT,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.ENOTEMPTY,
    errno.EPERM,
    errno.EROFS,
}


@contextmanager
def new_folder(target: str | Path) -> Iterator[Path]:
    """Fill a hidden folder and move it to its place at the end, if no error occurred.

    Args:
        target: A local path that does not exist or is an empty folder.

    Yields:
        The folder to write into.

    Raises:
        UserError: If the target is not empty, or cannot be written.
    """
    place = Path(target).absolute()
    # A hidden sibling, so that the last step is a rename on one device.
    unfinished = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
    try:
        if place.exists() and not place.is_dir():
            raise UserError(f"{place} is a file: choose a new folder")
        if place.exists() and any(place.iterdir()):
            raise UserError(
                f"{place} is not empty: choose a new folder, so that files are not mixed"
            )
        unfinished.mkdir(parents=True)
        yield unfinished
        os.replace(unfinished, place)
    except OSError as error:
        if error.errno not in _OF_THE_PLACE:
            raise
        raise UserError(f"cannot write {place}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
