"""The image files of a folder, and the names of what is made of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import fsspec
from fsspec.implementations.local import LocalFileSystem

from tag2mask.pipeline.errors import UserError

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")


@dataclass(frozen=True)
class ImageFile:
    """An image file below a folder.

    Attributes:
        path: Path in its file system.
        name: Path below the folder.
        bytes: Size of the file.
    """

    path: str
    name: str
    bytes: int

    @property
    def png_name(self) -> str:
        """The path below the folder with the ending ``.png``."""
        return str(PurePosixPath(self.name).with_suffix(".png"))


def find_images(folder: str) -> list[ImageFile]:
    """Find the image files of a folder and of its subfolders, sorted by name.

    Hidden files and folders, those whose names begin with a dot or ``__``, are left out. Links to
    files and folders are followed, to each folder once.

    Args:
        folder: URI of the folder, or of a single image file.

    Raises:
        UserError: If there is no folder, no image in it, or the masks of two images would have
            the same name.
    """
    files, root = fsspec.core.url_to_fs(folder)
    root = root.rstrip("/")
    if files.isfile(root):
        single = ImageFile(root, PurePosixPath(root).name, int(files.size(root) or 0))
        found = [single] if _is_image(root) else []
    else:
        found = sorted(_walk(files, root), key=lambda image: image.name)
    if not found:
        raise UserError(f"no images in {folder}: give a folder with {', '.join(ENDINGS)} files")
    named: dict[str, ImageFile] = {}
    for image in found:
        other = named.setdefault(image.png_name, image)
        if other is not image:
            stem = image.png_name.removesuffix(".png")
            raise UserError(
                f"two images of {folder} have the stem {stem}, so their masks would collide: "
                f"{other.name} and {image.name}; rename one"
            )
    return found


def _walk(files: fsspec.AbstractFileSystem, root: str) -> list[ImageFile]:
    _entries(files, root, root)  # a missing folder, or one that cannot be listed
    if isinstance(files, LocalFileSystem):
        sizes = {path: os.path.getsize(path) for path in _local_paths(root) if _is_image(path)}
    else:
        listed = files.find(root, detail=True).items()
        sizes = {str(path): int(entry["size"] or 0) for path, entry in listed}
    images = [ImageFile(path, path.removeprefix(root).lstrip("/"), sizes[path]) for path in sizes]
    return [image for image in images if _is_image(image.path) and not _is_hidden(image.name)]


def _local_paths(root: str) -> Iterator[str]:
    seen = set()
    for folder, inner, names in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            inner.clear()  # a link to a folder that was listed already
            continue
        seen.add(real)
        inner.sort()
        yield from filter(os.path.isfile, (os.path.join(folder, name) for name in names))


def _entries(files: fsspec.AbstractFileSystem, place: str, root: str) -> list[dict[str, object]]:
    try:
        entries: list[dict[str, object]] = files.ls(place, detail=True)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"the folder {root} does not exist: give a folder of images") from error
    except PermissionError as error:
        raise UserError(f"no permission to list {place}: change it, or give a folder") from error
    return [entry for entry in entries if str(entry["name"]).rstrip("/") != place]


def _is_image(path: str) -> bool:
    return path.lower().endswith(ENDINGS)


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__")) for part in name.split("/"))


def image_files(folder: str) -> list[str]:
    """List the image files directly inside a folder, sorted, as paths of its file system.

    Raises:
        UserError: If there is no folder, or no image in it.
    """
    files, root = fsspec.core.url_to_fs(folder)
    names = [
        str(entry["name"])
        for entry in _entries(files, root, root)
        if entry["type"] == "file" and _is_image(str(entry["name"]))
    ]
    if not names:
        raise UserError(f"no images in {folder}: give a folder with {', '.join(ENDINGS)} files")
    return sorted(names)


def by_stem(folder: str) -> dict[str, str]:
    """List the image files of a folder by stem, see :func:`image_files`.

    Raises:
        UserError: If there is no folder, no image in it, or two images share a stem.
    """
    named: dict[str, str] = {}
    for name in image_files(folder):
        stem = PurePosixPath(name).stem
        if stem in named:
            raise UserError(
                f"two images of {folder} have the stem {stem}, so their masks would collide: "
                "rename one"
            )
        named[stem] = name
    return named
