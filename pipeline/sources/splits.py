"""Splits by the names of files and folders, as Hugging Face and webdataset name them."""

from __future__ import annotations

import re

# Names of the same split; the first of each is the one that others are taken for.
SYNONYMS = (
    ("train", "training"),
    ("val", "validation", "valid", "dev"),
    ("test", "testing"),
)
SPLITS = tuple(name for names in SYNONYMS for name in names)
SPLIT_FOLDERS = ("data", *SPLITS)

_SPLIT = re.compile(rf"(?:^|[^a-z])({'|'.join(SPLITS)})(?=[^a-z]|$)")


def split_of(path: str) -> str | None:
    """The split that a path names as a word, as ``data/train-00000-of-00002.parquet``."""
    found = _SPLIT.search(path.lower())
    return found[1] if found else None


def is_split(name: str) -> bool:
    """Whether a folder is named as a split, in any case."""
    return name.casefold() in SPLITS


def synonyms(split: str) -> tuple[str, ...]:
    """Other names of a split."""
    found = next((names for names in SYNONYMS if split.casefold() in names), ())
    return tuple(name for name in found if name != split)
