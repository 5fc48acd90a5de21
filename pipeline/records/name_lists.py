r"""Lists of names in text: tags with ``|`` between them in a cell, class names one a line.

A ``|`` inside a name is written as ``\|``. Backslashes elsewhere mean themselves; before a
``|`` each is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SEPARATOR = "|"
_PARTS = re.compile(r"(\\*)\|")


def join_tags(names: Iterable[str]) -> str:
    """Tags as one cell; :func:`split_tags` reads them again."""
    escaped = []
    for name in names:
        text = _PARTS.sub(lambda found: f"{found[1] * 2}\\|", name)
        slashes = len(text) - len(text.rstrip("\\"))
        escaped.append((text, slashes))
    # Backslashes at the end of a name stand before a separator, except in the last name.
    body = [text + "\\" * slashes for text, slashes in escaped[:-1]]
    return SEPARATOR.join([*body, *(text for text, _ in escaped[-1:])])


def split_tags(cell: str, separator: str = SEPARATOR) -> list[str]:
    """The tags of a cell, without surrounding space; empty ones are left out.

    Args:
        cell: The text.
        separator: What stands between tags; only ``|`` can be escaped.
    """
    if separator != SEPARATOR:
        return [tag for part in cell.split(separator) if (tag := part.strip())]
    parts = [""]
    end = 0
    for found in _PARTS.finditer(cell):
        parts[-1] += cell[end : found.start()] + "\\" * (len(found[1]) // 2)
        if len(found[1]) % 2:
            parts[-1] += SEPARATOR
        else:
            parts.append("")
        end = found.end()
    parts[-1] += cell[end:]
    return [tag for part in parts if (tag := part.strip())]


def name_lines(text: str) -> list[str]:
    """The names of a list with one name a line, without surrounding space and empty lines.

    Line feeds alone end a line: names may hold the other line separators of Unicode.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    return [name for line in lines if (name := line.strip())]
