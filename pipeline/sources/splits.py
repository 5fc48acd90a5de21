"""Splits by the names of files and folders, as Hugging Face and webdataset name them."""

from __future__ import annotations

import re

SPLITS = ("train", "validation", "val", "dev", "test")
SPLIT_FOLDERS = ("data", *SPLITS)

_SPLIT = re.compile(rf"(?:^|[^a-z])({'|'.join(SPLITS)})(?=[^a-z]|$)")


def split_of(path: str) -> str | None:
    """The split that a path names as a word, as ``data/train-00000-of-00002.parquet``."""
    found = _SPLIT.search(path.lower())
    return found[1] if found else None
