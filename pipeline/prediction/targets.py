"""The files that a prediction would write: which exist, and that all of them were made here."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import fsspec
from fsspec.implementations.local import LocalFileSystem

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import CLASSES
from tag2mask.pipeline.prediction.marks import MARK_BYTES, mark_of
from tag2mask.pipeline.tables.places import check_apart
from tag2mask.pipeline.tables.storage import Folder

_READERS = 8


def find_marks(out: str, images: str, names: Sequence[str]) -> dict[str, str]:
    """The marks of the files that exist among some.

    Args:
        out: URI of the folder of masks.
        images: URI of the images.
        names: Paths of the files below ``out``.

    Raises:
        UserError: If a file without a mark would be replaced, or a subfolder of ``out`` is a link
            to the images.
    """
    files, root = fsspec.core.url_to_fs(out, use_listings_cache=False)
    root = root.rstrip("/")
    if isinstance(files, LocalFileSystem):
        for place in sorted({name.rpartition("/")[0] for name in names}):
            check_apart(images, os.path.join(root, place))
        existing = [name for name in names if os.path.lexists(os.path.join(root, name))]
    else:
        listed = {str(path).removeprefix(root).lstrip("/") for path in files.find(root)}
        existing = [name for name in names if name in listed]

    def read(name: str) -> str | None:
        try:
            return mark_of(bytes(files.cat_file(f"{root}/{name}", start=0, end=MARK_BYTES)))
        except OSError:  # a folder, or a link to nothing
            return None

    with ThreadPoolExecutor(_READERS) as readers:
        found = dict(zip(existing, readers.map(read, existing), strict=True))
    foreign = [name for name, mark in found.items() if mark is None]
    if foreign:
        more = f" and {len(foreign) - 1:,} more files" if len(foreign) > 1 else ""
        raise UserError(
            f"{out}/{foreign[0]}{more} would be replaced, and predict has not made "
            f"{'them' if more else 'it'}: choose another --out"
        )
    return {name: mark for name, mark in found.items() if mark is not None}


def check_classes_file(folder: Folder, content: bytes, has_masks: bool) -> None:
    """Check that ``classes.txt`` can be written.

    Args:
        folder: The folder of masks.
        content: What will be written.
        has_masks: Whether the folder holds masks that were made here.

    Raises:
        UserError: If there is another file of that name, which belongs to no masks.
    """
    if not has_masks and CLASSES in folder.sizes() and folder.read(CLASSES) != content:
        raise UserError(
            f"{folder.uri}/{CLASSES} would be replaced, and it lists other classes: choose another "
            "--out"
        )
