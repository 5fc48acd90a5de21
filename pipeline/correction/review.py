"""Review: the masks that most need a person's eye, as a small set that label tools open."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

from tag2mask.pipeline.correction.corrections import SOURCE, corrections_uri, open_corrections
from tag2mask.pipeline.correction.given_out import SHAPES
from tag2mask.pipeline.correction.reviews import record_review
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import class_table
from tag2mask.pipeline.formats.base import full_name
from tag2mask.pipeline.formats.export_dataset import COLUMNS, open_dataset, write_rows
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table

FORMATS = ("voc", "coco")


def least_trusted(dataset: Table, count: int, without: AbstractSet[str] = frozenset()) -> set[str]:
    """Choose the masks with the lowest mean probabilities, the same number of each class.

    Classes take turns: each names the image in which its own pixels are the least certain
    among those that are not chosen yet. Masks without any class form one more group. Masks of a
    person are skipped.

    Args:
        dataset: Dataset of masks.
        count: Maximum number of masks.
        without: Ids of other masks to skip.

    Returns:
        Ids of the masks.
    """
    by_class: dict[int, list[tuple[float, str]]] = defaultdict(list)
    for row in dataset.rows(["id", "classes", "confidence", "mask_confidence", "source"]):
        if row["source"] == SOURCE or row["id"] in without:
            continue
        shown = dict(zip(row["classes"], row["confidence"], strict=True))
        for value, confidence in (shown or {0: row["mask_confidence"]}).items():
            _keep_least(by_class[value], (confidence, row["id"]), count)
    turns = [_ascending(heap) for _, heap in sorted(by_class.items())]
    chosen: set[str] = set()
    while turns and len(chosen) < count:
        for turn in turns.copy():
            following = next((row_id for row_id in turn if row_id not in chosen), None)
            if following is None:
                turns.remove(turn)
            elif len(chosen) < count:
                chosen.add(following)
    return chosen


def write_review(uri: str, out: str | Path, count: int, kind: str, shapes: str = "polygon") -> int:
    """Write the least trusted masks of a dataset as a folder for label tools.

    The masks are recorded in the run's folder, so that they are known when they come back.

    Args:
        uri: URI of the dataset.
        out: A local folder that does not exist or is empty.
        count: Maximum number of masks.
        kind: One of :data:`FORMATS`.
        shapes: Outlines in COCO, a key of
            :data:`tag2mask.pipeline.correction.given_out.SHAPES`.

    Returns:
        The number of masks.

    Raises:
        UserError: If the format or the shapes are unknown, the count is not positive, or all
            masks are a person's already.
    """
    if shapes not in SHAPES:
        raise UserError(f"unknown shapes {shapes!r}: choose one of {', '.join(SHAPES)}")
    if kind not in FORMATS:
        raise UserError(f"a review is written as {' or '.join(FORMATS)}, not {kind!r}")
    if count < 1:
        raise UserError(f"a review has at least one mask, not {count}")
    dataset = open_dataset(uri)
    corrections = open_corrections(corrections_uri(dataset), dataset)
    chosen = least_trusted(dataset, count, set() if corrections is None else {*corrections.ids()})
    if not chosen:
        raise UserError(f"every mask of {dataset.uri} is a person's: there is nothing to review")

    rows = Scan(dataset, columns=COLUMNS, ids=chosen).rows()
    # The names hold the ids, so that what comes back is known whatever a tool leaves out.
    written = write_rows(rows, kind, out, class_table(dataset), full_name, SHAPES[shapes])
    record_review(dataset, chosen)
    return written.images


def _keep_least(heap: list[tuple[float, str]], item: tuple[float, str], count: int) -> None:
    """Keep the ``count`` least certain ones; the heap holds negative probabilities."""
    confidence, row_id = item
    entry = (-confidence, row_id)
    if len(heap) < count:
        heapq.heappush(heap, entry)
    else:
        heapq.heappushpop(heap, entry)


def _ascending(heap: list[tuple[float, str]]) -> Iterator[str]:
    """The ids of a heap, the least certain first."""
    return iter([row_id for _, row_id in sorted((-entry, row_id) for entry, row_id in heap)])
