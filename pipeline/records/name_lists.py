r"""Lists of names in text: tags separated by ``|`` in a cell, class names one a line.

A ``|`` inside a name is written as ``\|``. A backslash before a ``|`` is written twice; anywhere
else it stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SEPARATOR = "|"
_PARTS = re.compile(r"(\\*)\|")


def join_tags(names: Iterable[str]) -> str:
    """Join tags to one cell, which :func:`split_tags` can split again."""
    escaped = []
    for name in names:
        text = _PARTS.sub(lambda found: f"{found[1] * 2}\\|", name)
        slashes = len(text) - len(text.rstrip("\\"))
        escaped.append((text, slashes))
    # Backslashes at the end of a name precede a separator, except in the last name.
    body = [text + "\\" * slashes for text, slashes in escaped[:-1]]
    return SEPARATOR.join([*body, *(text for text, _ in escaped[-1:])])


def split_tags(cell: str, separator: str = SEPARATOR) -> list[str]:
    """Split a cell into tags without surrounding space; drop empty ones.

    Args:
        cell: Text of the cell.
        separator: Separator of the tags; only ``|`` can be escaped.
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
    """Split a text with one name a line into names without surrounding space; drop empty ones.

    Only line feeds end a line: names may contain Unicode's other line separators.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    return [name for line in lines if (name := line.strip())]
