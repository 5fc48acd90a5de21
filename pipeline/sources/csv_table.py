"""Reading of lists in CSV, row by row; errors name the line and the cause."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder, UnreadableError


def read_csv(tree: SandboxedFolder, name: str, required: Sequence[str]) -> Iterator[dict[str, str]]:
    """The rows of a CSV file by lower-case column name, cells without surrounding space.

    Args:
        tree: Folder of the file.
        name: Name of the file: UTF-8, with column names in the first line.
        required: Required columns; the first one must not be empty in any row.

    Raises:
        UserError: If the file cannot be read, is no UTF-8, lacks a column, has a row with
            more cells than the header (tags with commas between them) or one without a
            value in the first required column.
    """
    where = f"{name} of {tree.uri}"
    try:
        with (
            tree.open(name) as file,
            io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text,
        ):
            yield from _rows(text, where, required)
    except (UnreadableError, OSError) as error:
        raise UserError(f"cannot read {where}: {error}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{where} is not UTF-8 text: save it as CSV in UTF-8") from error


def _rows(text: Iterable[str], where: str, required: Sequence[str]) -> Iterator[dict[str, str]]:
    reader = csv.reader(text)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        for column in required:
            if column not in header:
                raise UserError(
                    f"{where} has no column {column!r}, only {', '.join(header) or 'none'}: "
                    f"its first line names the columns {','.join(required)}"
                )
        for cells in reader:
            if len(cells) > len(header):
                raise UserError(
                    f"line {reader.line_num} of {where} has {len(cells)} cells for "
                    f"{len(header)} columns: put | between tags, and quote commas"
                )
            if cells:
                cells += [""] * (len(header) - len(cells))
                row = dict(zip(header, map(str.strip, cells), strict=True))
                if not row[required[0]]:
                    raise UserError(f"line {reader.line_num} of {where} names no {required[0]}")
                yield row
    except csv.Error as error:
        raise UserError(f"line {reader.line_num} of {where} is no CSV: {error}") from error
