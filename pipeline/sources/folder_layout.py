"""What the names of folders say: tags, splits, or parts of a data set that are no tags."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder
from tag2mask.pipeline.sources.splits import is_split

# Folders of data sets, by what they hold. None of these is a tag unless a user says so.
PARTS: dict[str, frozenset[str]] = {
    "images": frozenset({"image", "images", "img", "imgs", "jpegimages", "photos", "pictures"}),
    "masks": frozenset(
        {
            "mask",
            "masks",
            "gt",
            "groundtruth",
            "ground_truth",
            "segmentation",
            "segmentations",
            "segmentationclass",
            "segmentationobject",
            "stuffthingmaps",
            "trimaps",
        }
    ),
    "annotations": frozenset(
        {"annotation", "annotations", "label", "labels", "imagesets", "bbox", "xml", "xmls", "json"}
    ),
    "data": frozenset({"data", "dataset", "datasets"}),
}

# Files that are no images, by their names. Images of the web have any suffix or none, so only
# suffixes that mean something else are passed over.
_TEXTS = ("txt", "csv", "tsv", "json", "jsonl", "xml", "yaml", "yml", "toml", "ini", "cfg", "md")
_PAGES = ("rst", "log", "html", "htm", "css", "js", "py", "ipynb", "sh", "pdf", "doc", "docx")
_OFFICE = ("xls", "xlsx", "ppt", "pptx", "odt", "lst", "names", "db", "sqlite")
_ARCHIVES = ("zip", "tar", "gz", "tgz", "bz2", "xz", "7z", "rar")
_ARRAYS = ("npy", "npz", "pkl", "pt", "pth", "h5", "hdf5", "mat", "parquet", "arrow")
_MEDIA = ("mp4", "avi", "mov", "mkv", "webm", "mp3", "wav", "flac")
_NO_IMAGES = frozenset(
    f".{suffix}" for suffix in (*_TEXTS, *_PAGES, *_OFFICE, *_ARCHIVES, *_ARRAYS, *_MEDIA)
)


def part_of(name: str) -> str | None:
    """Which part of a data set a folder is named for, a key of :data:`PARTS`; None for others."""
    plain = name.casefold()
    return next((part for part, names in PARTS.items() if plain in names), None)


def is_no_image(name: str) -> bool:
    """Whether the name of a file says that it is no image."""
    return PurePosixPath(name).suffix.lower() in _NO_IMAGES


def split_folders(tree: SandboxedFolder) -> list[str]:
    """The folders of splits, if the source is folders of tags within folders of splits."""
    folders = tree.folders()
    if not folders or not all(map(is_split, folders)):
        return []
    return folders if any(map(tree.folders, folders)) else []


def recognized(tree: SandboxedFolder) -> str | None:
    """What the folders are where they cannot all be tags; None if they can.

    Folders are looked into three levels deep, which is deeper than data sets nest their parts.
    """
    folders = tree.folders()
    parts = [f"{name}/" for name in folders if part_of(name)]
    if parts:
        return _data_set(parts)
    splits = [name for name in folders if is_split(name)]
    inside = split_folders(tree)
    if splits and not inside:
        tags = [name for name in folders if name not in splits]
        if not tags:
            return f"images of the splits {_listed(splits)} without tags"
        # A train is also what a class may be called, but it has its images in it.
        if splits != ["train"] or tree.folders("train"):
            return f"folders of tags ({_listed(tags)}) beside splits ({_listed(splits)})"
    for name in inside:
        parts = [f"{name}/{below}/" for below in tree.folders(name) if part_of(below)]
        if parts:
            return _data_set(parts)
    places = [f"{split}/{tag}" for split in inside for tag in tree.folders(split)] or folders
    return next(filter(None, (_nested(tree, place, 2) for place in places)), None)


def _nested(tree: SandboxedFolder, place: str, depth: int) -> str | None:
    """A data set in a folder: one with masks or annotations, and not with images alone."""
    names = tree.folders(place)
    parts = [name for name in names if part_of(name)]
    if "JPEGImages" in parts or {"masks", "annotations"} & {*map(part_of, parts)}:
        return _data_set([f"{place}/{name}/" for name in parts])
    if depth == 0:
        return None
    below = (_nested(tree, f"{place}/{name}", depth - 1) for name in names)
    return next(filter(None, below), None)


def _data_set(folders: Sequence[str]) -> str:
    return f"a data set with the folders {_listed(folders)}"


def _listed(names: Sequence[str]) -> str:
    rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + rest
