"""The place of a part's file: that of the current version, or that of older versions.

A part of the current version lies at the path that the manifest names, such as
``data/train-….parquet``. So a pattern such as ``data/*.parquet`` finds the current version alone.
A part that only older versions name lies under ``versions/``, such as
``versions/data/train-….parquet``. The manifests keep the path without it, because a part moves
when its version becomes an older one, and readers may have opened that version before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TypeVar

import pyarrow.parquet as pq

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.parquet import open_parquet
from tag2mask.pipeline.tables.storage import Folder

VERSIONS = "versions"

T = TypeVar("T")


def older_path(path: str) -> str:
    """The path of a part that only older versions name, inside the table's folder."""
    return f"{VERSIONS}/{path}"


def use_part(folder: Folder, path: str, use: Callable[[str], T]) -> T:
    """Use the file of a part, wherever it lies.

    Args:
        folder: Folder of the table.
        path: Path of the part in the manifest.
        use: Called with the path of its file inside the folder; may be called again.

    Raises:
        UserError: If the file is at neither place.
    """
    # The first place once more: a run may move the part between the two looks.
    for place in (path, older_path(path), path):
        with suppress(FileNotFoundError):
            return use(place)
    raise UserError(
        f"{path} is no longer in {folder.uri}: its version was pruned while it was read, or the "
        "file was removed; open the dataset again to read the current version"
    )


@contextmanager
def open_part(folder: Folder, path: str) -> Iterator[pq.ParquetFile]:
    """Open a part for reading, see :func:`tag2mask.pipeline.tables.parquet.open_parquet`.

    Args:
        folder: Folder of the table.
        path: Path of the part in the manifest.

    Raises:
        UserError: If the part is damaged, or its version was pruned.
    """
    with ExitStack() as stack:
        yield use_part(folder, path, lambda place: stack.enter_context(open_parquet(folder, place)))


def find_parts(folder: Folder, paths: Collection[str]) -> dict[str, tuple[str, int]]:
    """Find the files of parts.

    Args:
        folder: Folder of the table.
        paths: Paths of the parts in the manifest.

    Returns:
        For each part that is there, by its path: the path and the size in bytes of its file.
    """
    found: dict[str, tuple[str, int]] = {}
    for place_of in (str, older_path):
        missing = {place_of(path): path for path in paths if path not in found}
        for inside in sorted({place.rpartition("/")[0] for place in missing}):
            for name, size in folder.folder(inside).sizes().items():
                place = f"{inside}/{name}"
                if place in missing:
                    found[missing[place]] = place, size
    return found
