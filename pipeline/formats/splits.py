"""Splits of an export: which images are for training, for validation and for tests.

Near duplicates of one image always share a split, so that no validation image has a copy in
the training images. The same seed and images give the same splits.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.formats.export_settings import SplitMethod
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.sources.splits import split_of

TRAIN, VAL, TEST = "train", "val", "test"

SplitOf = Callable[[Row], str]


def plan_splits(
    rows: Iterable[Row],
    method: SplitMethod,
    shares: dict[str, float],
    seed: int,
    default: str = TRAIN,
    listed: Mapping[str, str] | None = None,
) -> SplitOf:
    """The split of each row as a function of the row.

    Args:
        rows: All rows with ``id``, ``classes`` and, if known, ``near_duplicate_of``; read for
            ``stratified`` alone, which keeps the ids outside of ``train`` in memory.
        method: ``hash`` decides by the id alone, so that an image keeps its split when others
            are added. ``stratified`` takes the same share of every class, each image counted
            for its rarest class. ``source`` takes the split that the source lists or, without
            one, that the folders of the image's path name, such as ``val/cat/1.jpg``.
        shares: Share of the images by split, without ``train``, in [0, 1).
        seed: Random seed.
        default: Split of images that have none in the source.
        listed: Splits that the source lists, by the images' paths.

    Raises:
        UserError: If the shares leave nothing for training, or there are too few images.
    """
    shares = {name: share for name, share in shares.items() if share > 0}
    if sum(shares.values()) >= 1:
        raise UserError("the shares of val and test leave no images for training: lower them")
    if method == "source":
        known = listed or {}
        return lambda row: known.get(row["image"]["path"]) or split_of(_folders(row)) or default
    if not shares:
        return lambda row: TRAIN
    if method == "hash":
        return lambda row: _by_hash(row, shares, seed)
    chosen = _stratified(rows, shares, seed)
    return lambda row: chosen.get(group_of(row), TRAIN)


def group_of(row: Row) -> str:
    """The id that a row shares with its near duplicates."""
    return row.get("near_duplicate_of") or row["id"]


def _by_hash(row: Row, shares: dict[str, float], seed: int) -> str:
    place = _place(group_of(row), seed)
    for name, share in shares.items():
        if place < share:
            return name
        place -= share
    return TRAIN


def _stratified(rows: Iterable[Row], shares: dict[str, float], seed: int) -> dict[str, str]:
    """Systematic sampling (Cochran 1977, chapter 8) over the groups, sorted by class."""
    classes: dict[str, set[int]] = {}
    for row in rows:
        classes.setdefault(group_of(row), set()).update(row["classes"])
    counts = Counter(value for shown in classes.values() for value in shown)
    rest = sorted(
        classes,
        key=lambda group: (_rarest(classes[group], counts), _place(group, seed)),
    )
    total = len(rest)
    chosen: dict[str, str] = {}
    for name, share in shares.items():
        wanted = max(1, round(share * total))
        if wanted >= len(rest):
            raise UserError(f"{total} images are too few for a split {name}: leave it out")
        picked = {(2 * index + 1) * len(rest) // (2 * wanted) for index in range(wanted)}
        chosen |= {rest[index]: name for index in picked}
        rest = [group for index, group in enumerate(rest) if index not in picked]
    return chosen


def _rarest(shown: set[int], counts: Counter[int]) -> int:
    """The class of a group that the fewest groups show; 0 without any."""
    return min(shown, key=lambda value: (counts[value], value), default=0)


def _place(group: str, seed: int) -> float:
    """A number in [0, 1) that looks random and depends on nothing else."""
    digest = hashlib.sha256(f"{seed}:{group}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _folders(row: Row) -> str:
    """The folders of an image's path; a file called test.jpg is no test image."""
    return PurePosixPath(row["image"]["path"]).parent.as_posix()
