"""How tags are separated in the cells of a table, found from the cells themselves."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable

from tag2mask.pipeline.records.name_lists import SEPARATOR, split_tags

# Class names do not hold these; they separate tags wherever no | does.
_STRONG = (";", "\uff1b", "\n", "\t")
# Class names may hold these; they separate tags if the other cells show it.
_WEAK = (",", "\uff0c", "\u3001", "/", "+", "&")
# Lists as Python and JSON write them, such as ['cat', 'dog'].
_BRACKETS = "[]"


def find_separator(cells: Iterable[str], where: str) -> tuple[str, str | None]:
    """The separator of tags in a table, and a sentence if it is not the ``|`` that is documented.

    A semicolon, line break or tab separates tags in a table without ``|``, and lists in
    brackets are lists. A comma or the like does so if at least half of the cells with one
    consist of tags that other cells have, too: class names hold commas more often.

    Args:
        cells: All cells with tags.
        where: The table, for the sentence.

    Returns:
        The separator for :func:`split_cell`, and the sentence.
    """
    counts = Counter(filter(None, map(str.strip, cells)))
    bars = any(len(split_tags(cell)) > 1 for cell in counts)
    brackets = [cell for cell in counts if _listed(cell) is not None]
    if brackets and not bars:
        return (
            _BRACKETS,
            f"{_shown(brackets, counts, where, 'lists in brackets')}: each part is a tag",
        )
    whole = None
    for separator in (*_STRONG, *_WEAK):
        lists = [cell for cell in counts if len(split_tags(cell, separator)) > 1]
        if not lists:
            continue
        shown = _shown(lists, counts, where, repr(separator))
        if not bars and (separator in _STRONG or _are_lists(lists, counts, separator)):
            return separator, f"{shown}: each part is a tag"
        why = (
            "since other cells separate tags by |" if bars else "separate tags by | if each is one"
        )
        whole = whole or f"{shown}: they are taken whole; {why}"
    return SEPARATOR, whole


def split_cell(cell: str, separator: str) -> list[str]:
    """The tags of a cell.

    Args:
        cell: The cell's text.
        separator: Result of :func:`find_separator`.
    """
    if separator == _BRACKETS:
        found = _listed(cell)
        return split_tags(cell) if found is None else [tag for tag in found if tag]
    return split_tags(cell, separator)


def _shown(cells: list[str], counts: Counter[str], where: str, what: str) -> str:
    total = sum(counts[cell] for cell in cells)
    return f"{total:,} cells of {where} hold {what}, such as {min(cells)!r}"


def _listed(cell: str) -> list[str] | None:
    """The texts or numbers of a list in brackets; None of other cells."""
    text = cell.strip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(value, list) or not all(isinstance(one, str | int) for one in value):
        return None
    return [str(one).strip() for one in value]


def _are_lists(cells: list[str], counts: Counter[str], separator: str) -> bool:
    """Whether at least half of the cells with a separator consist of tags of other cells."""
    seen = Counter(tag for cell in counts for tag in {*split_tags(cell, separator)})
    known = sum(all(seen[tag] > 1 for tag in split_tags(cell, separator)) for cell in cells)
    return 2 * known >= len(cells)
