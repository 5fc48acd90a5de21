"""How tags are separated in the cells of a table, found from the cells themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tag2mask.pipeline.records.name_lists import SEPARATOR, split_tags

_SEMICOLON, _COMMA = ";", ","


def find_separator(cells: Iterable[str], where: str) -> tuple[str, str | None]:
    """The separator of tags in a table, and a sentence if it is not the ``|`` that is documented.

    A semicolon is taken for a separator in a table without ``|``. So is a comma if most cells
    with one consist of tags that other cells have, too: class names hold commas more often.

    Args:
        cells: All cells with tags.
        where: The table, for the sentence.
    """
    counts = Counter(filter(None, map(str.strip, cells)))
    bars = any(len(split_tags(cell)) > 1 for cell in counts)
    for separator in (_SEMICOLON, _COMMA):
        lists = [cell for cell in counts if len(split_tags(cell, separator)) > 1]
        if not lists:
            continue
        total = sum(counts[cell] for cell in lists)
        example = min(lists)
        shown = f"{total:,} cells of {where} hold {separator!r}, such as {example!r}"
        if bars:
            return SEPARATOR, f"{shown}: they are taken whole, since other cells separate tags by |"
        if separator == _SEMICOLON or _are_lists(lists, counts):
            return separator, f"{shown}: each part is a tag"
        return SEPARATOR, f"{shown}: they are taken whole; separate tags by | if each part is one"
    return SEPARATOR, None


def _are_lists(cells: list[str], counts: Counter[str]) -> bool:
    """Whether at least half of the cells with commas consist of tags of other cells."""
    seen = Counter(tag for cell in counts for tag in {*split_tags(cell, _COMMA)})
    known = sum(all(seen[tag] > 1 for tag in split_tags(cell, _COMMA)) for cell in cells)
    return 2 * known >= len(cells)
