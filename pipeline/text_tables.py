"""Tables of strings: as Markdown, and as aligned plain text for a terminal.

A column is aligned by one letter: ``l`` to the left, ``r`` to the right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

RULES = {"l": "---", "r": "---:"}
GAP = "  "


def markdown_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], align: str | None = None
) -> str:
    """A Markdown table of one line for each row, after the headings and the rule.

    Args:
        headings: The heading of each column.
        rows: The cells of each row.
        align: One letter for each column; None aligns all to the left.

    Raises:
        ValueError: If a row or ``align`` has another number of columns than the headings.
    """
    lines = list(rows)
    columns = _checked(headings, lines, align)
    rule = [RULES[letter] for letter in columns]
    return "\n".join(markdown_row(line) for line in (headings, rule, *lines))


def markdown_row(cells: Iterable[str]) -> str:
    """One line of a Markdown table; bars and line breaks inside of a cell are escaped."""
    escaped = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def text_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], align: str | None = None
) -> str:
    """A table whose columns are as wide as their widest cell, without space at the line ends.

    Args:
        headings: The heading of each column, over a dashed rule; empty for neither.
        rows: The cells of each row.
        align: One letter for each column; None aligns all to the left.

    Raises:
        ValueError: If a row or ``align`` has another number of columns than the headings, or
            than the first row where there are no headings.
    """
    shown = [headings, *rows] if headings else list(rows)
    if not shown:
        return ""
    columns = _checked(shown[0], shown, align)
    widths = [max(len(line[index]) for line in shown) for index in range(len(columns))]
    if headings:
        shown.insert(1, ["-" * width for width in widths])
    return "\n".join(_aligned(line, columns, widths) for line in shown)


def _checked(first: Sequence[str], rows: Iterable[Sequence[str]], align: str | None) -> str:
    """The letter of each column, after a check that every row has as many cells."""
    columns = "l" * len(first) if align is None else align
    if {len(first), *map(len, rows)} - {len(columns)} or set(columns) - set(RULES):
        raise ValueError(
            f"rows of {len(first)} cells at the top do not fit the columns {columns!r}: give "
            "every row as many cells, and one of l and r for each column"
        )
    return columns


def _aligned(line: Sequence[str], columns: str, widths: Sequence[int]) -> str:
    cells = [
        cell.ljust(width) if letter == "l" else cell.rjust(width)
        for cell, letter, width in zip(line, columns, widths, strict=True)
    ]
    return GAP.join(cells).rstrip()
