"""Where a run may write: never among the images that it reads."""

from __future__ import annotations

import os

import fsspec
from fsspec.implementations.local import LocalFileSystem

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.foreign_files import check_run_folder

# Folders that a run writes in its own.
_RUN_FOLDERS = frozenset(
    {"images", "rounds", "models", "dataset", "report", "downloads", "corrections", "reviews"}
)


def check_out(source: str, out: str) -> None:
    """Check that a run's folder and its source do not lie in each other.

    Args:
        source: Local path or URI of the tagged images.
        out: Local path or URI of the run's folder; links are followed.

    Raises:
        UserError: If the folder has no name, would hold or become a part of the source, or holds
            files that the run would replace and no run has made.
    """
    if not out.strip():
        raise UserError("--out is empty: name a folder for the run, such as --out run")
    check_run_folder(out)
    (store, images), (other, run) = _place(source), _place(out)
    if store != other:
        return
    if _lies_in(run, images, local=store == "file"):
        raise UserError(
            f"--out {out} lies in the source {source}, where its files would be taken for images: "
            "choose a folder outside of the source"
        )
    inner = images.removeprefix(f"{run}/").split("/")[0] if images.startswith(f"{run}/") else ""
    if inner in _RUN_FOLDERS:
        raise UserError(
            f"the source {source} lies where the run in --out {out} writes {inner}/: choose "
            "another folder for the run"
        )


def check_apart(images: str, out: str) -> None:
    """Check that files written to a folder never lie among images, nor replace them.

    Args:
        images: Local path or URI of images.
        out: Local path or URI of the folder; links are followed, and a folder that the system
            shows at two places counts as one.

    Raises:
        UserError: If the folder has no name, or is the one of the images or inside of it.
    """
    if not out.strip():
        raise UserError("--out is empty: name a folder, such as --out masks")
    (store, source), (other, target) = _place(images), _place(out)
    if store == other and _lies_in(target, source, local=store == "file"):
        raise UserError(
            f"--out {out} is or lies in {images}, where its files would mix with the images or "
            "replace them: choose another --out"
        )


def _lies_in(inner: str, outer: str, *, local: bool) -> bool:
    if inner == outer or inner.startswith(f"{outer.rstrip('/')}/"):
        return True
    if not local or not os.path.exists(outer):
        return False
    # Two paths of one folder: a mounted folder, or a disk that ignores the case of names.
    while inner != os.path.dirname(inner):
        if os.path.exists(inner) and os.path.samefile(inner, outer):
            return True
        inner = os.path.dirname(inner)
    return False


def locate_source(source: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The storage of a source and its path there.

    Args:
        source: Local path or URI of a file or folder.

    Raises:
        UserError: If nothing is there, or its storage cannot be reached.
    """
    try:
        fs, path = fsspec.core.url_to_fs(source)
        found = fs.exists(path)
    except Exception as error:  # every storage has its own errors: no driver, no login
        raise UserError(f"cannot reach the source {source}: {error}") from error
    if not found:
        raise UserError(
            f"the source {source} does not exist: give the folder or file that holds the images"
        )
    return fs, str(path)


def absolute_uri(uri: str) -> str:
    """The same address for all spellings of a place: a local path without links, or a full URI.

    Raises:
        UserError: If the URI's storage is unknown or cannot be reached.
    """
    fs, path = _resolve(uri)
    if isinstance(fs, LocalFileSystem):
        return os.path.realpath(path)
    return str(fs.unstrip_protocol(path)).rstrip("/")


def _place(uri: str) -> tuple[str, str]:
    """The storage of a URI and its path there, links resolved."""
    fs, path = _resolve(uri)
    if isinstance(fs, LocalFileSystem):
        return "file", os.path.realpath(path)
    return str(fs.protocol), path.rstrip("/")


def _resolve(uri: str) -> tuple[fsspec.AbstractFileSystem, str]:
    try:
        fs, path = fsspec.core.url_to_fs(uri)
    except Exception as error:  # every storage has its own errors: no driver, no login
        raise UserError(f"cannot use {uri}: {error}") from error
    return fs, str(path)
