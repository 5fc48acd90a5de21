"""The meaning of folders' names: tags, splits, or parts of a data set that are not tags."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder
from tag2mask.pipeline.sources.splits import SPLITS

# Words in names of folders of data sets, by their content; the most telling content comes first.
# A folder with only such words, as train_masks or images2, is a tag only if a user says so.
PARTS: dict[str, frozenset[str]] = {
    "masks": frozenset(
        {"mask", "masks", "gt", "groundtruth", "matte", "mattes"}
        | {"segmentation", "segmentations", "segmentationclass", "segmentationobject"}
        | {"stuffthingmaps", "trimap", "trimaps"}
    ),
    "annotations": frozenset(
        {"annotation", "annotations", "label", "labels", "imagesets", "bbox", "bboxes", "boxes"}
        | {"xml", "xmls", "json"}
    ),
    "images": frozenset(
        {"image", "images", "img", "imgs", "jpegimages", "photo", "photos", "picture", "pictures"}
    ),
    "data": frozenset({"data", "dataset", "datasets"}),
}
_FILLERS = frozenset(
    {"all", "aug", "binary", "class", "coarse", "dir", "files", "fine", "folder", "id", "ids"}
    | {
        "instance",
        "instances",
        "jpeg",
        "jpg",
        "new",
        "object",
        "png",
        "raw",
        "semantic",
        "set",
        "sets",
    }
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[^A-Za-z0-9 _.-]+")
_GROUND_TRUTH = re.compile(r"ground[ _-]?truth", re.IGNORECASE)

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

_MASK = re.compile(
    r"(.+)[-_. ](?:masks?|seg|segmentation|gt|labels?|labelids|matte|trimap)(?:[-_ ]?\d+)?",
    re.IGNORECASE,
)


def part_of(name: str) -> str | None:
    """The part of a data set that a folder is named for, a key of :data:`PARTS`, or None."""
    words = _words(name)
    found = [part for part, names in PARTS.items() if any(word in names for word in words)]
    known = frozenset().union(_FILLERS, SPLITS, *PARTS.values())
    plain = all(word in known or word.isdigit() for word in words)
    return found[0] if found and plain else None


def split_word(name: str) -> str | None:
    """The split that a folder is named for, such as train of train2017; None of other names."""
    words = _words(name)
    found = [word for word in words if word in SPLITS]
    plain = all(word in _FILLERS or word in SPLITS or word.isdigit() for word in words)
    return found[0] if found and plain else None


def _words(name: str) -> list[str]:
    words = _WORDS.findall(_GROUND_TRUTH.sub(" groundtruth ", name))
    return [word.casefold() for word in words]


def is_no_image(name: str) -> bool:
    """Whether the name of a file says that it is no image."""
    return PurePosixPath(name).suffix.lower() in _NO_IMAGES


def masks_beside(names: Sequence[str]) -> frozenset[str]:
    """Files that are masks of other files by their names, such as ``1_mask.png`` beside ``1.jpg``.

    Args:
        names: All files of a folder.
    """
    stems = {PurePosixPath(name).stem for name in names}
    found = ((name, _MASK.fullmatch(PurePosixPath(name).stem)) for name in names)
    return frozenset(name for name, match in found if match and match[1] in stems)


def split_folders(tree: SandboxedFolder) -> list[str]:
    """The folders of splits, if the source is folders of tags within folders of splits."""
    folders = tree.folders()
    if not folders or not all(map(split_word, folders)):
        return []
    return folders if any(map(tree.folders, folders)) else []


def recognized(tree: SandboxedFolder) -> str | None:
    """A description of folders that cannot all be tags; None if they can.

    Folders are looked into three levels deep, which is deeper than data sets nest their parts.
    """
    folders = tree.folders()
    parts = [f"{name}/" for name in folders if part_of(name)]
    if parts:
        return _data_set(parts)
    splits = [name for name in folders if split_word(name)]
    inside = split_folders(tree)
    if splits and not inside:
        tags = [name for name in folders if name not in splits]
        if not tags:
            return f"images of the splits {_listed(splits)} without tags"
        # A train is also what a class may be called, but it has its images in it.
        if splits != ["train"] or tree.folders("train"):
            return f"folders of tags ({_listed(tags)}) beside splits ({_listed(splits)})"
    if len(folders) == 1 and not inside:
        (name,) = folders
        below = tree.folders(name)
        if len(below) > 1 and all(map(is_no_image, tree.files(name))):
            return f"a single folder {name}/ with the folders {_listed(below)}"
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
