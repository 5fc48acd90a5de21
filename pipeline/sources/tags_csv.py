"""A folder with tags.csv, the list of its pictures and their tags."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import ClassVar

from pipeline.errors import UserError
from pipeline.sources.base import TaggedFile, TreeSource, unique
from pipeline.sources.tree import Tree, UnreadableError

TABLE = "tags.csv"
PICTURES = "JPEGImages"
MAX_TABLE_BYTES = 2**31


class TagsCsvSource(TreeSource):
    """Pictures that ``tags.csv`` lists, beside it or in ``JPEGImages/``.

    Columns: ``file``, ``tags`` with ``|`` between them, and if wanted ``split`` and
    ``origin``; others are ignored. Pictures that the list leaves out are not part of
    the source.
    """

    kind: ClassVar[str] = "tags.csv"
    looked_for: ClassVar[str] = "a tags.csv with the columns file and tags"

    @classmethod
    def accepts(cls, tree: Tree) -> bool:
        """Whether the folder holds a tags.csv."""
        return TABLE in tree.files()

    def pictures(self) -> Iterator[TaggedFile]:
        """Every row of the list.

        Raises:
            UserError: If the list is no UTF-8, has no column ``file`` or ``tags``, or a
                row has more cells than the header (tags with commas between them).
        """
        listed: dict[str, frozenset[str]] = {}
        for row in self._table():
            path, problem = self._locate(row["file"], listed)
            yield TaggedFile(
                path=path,
                tags=unique(row["tags"].split("|")),
                split=row.get("split") or None,
                origin=row.get("origin") or None,
                problem=problem,
            )

    def _locate(self, file: str, listed: dict[str, frozenset[str]]) -> tuple[str, str | None]:
        """Where a file is and what forbids reading it.

        ``listed`` remembers the names in each folder: an object store is asked for one
        list a folder, not once for each file.
        """
        file = file.replace("\\", "/").removeprefix("./")
        places = (file, f"{PICTURES}/{file}")
        for path in places:
            if problem := self.tree.problem(path):
                return file, problem
        for path in places:
            folder, _, name = path.rpartition("/")
            if folder not in listed:
                listed[folder] = frozenset(self.tree.files(folder))
            if name in listed[folder]:
                return path, None
        return file, f"no such file, neither beside {TABLE} nor in {PICTURES}/"

    def _table(self) -> Iterator[dict[str, str]]:
        where = f"{TABLE} of {self.uri}"
        try:
            text = self.tree.read(TABLE, MAX_TABLE_BYTES).decode("utf-8-sig")
        except UnreadableError as error:
            raise UserError(f"cannot read {where}: {error}") from error
        except UnicodeDecodeError as error:
            raise UserError(f"{where} is not UTF-8 text: save it as CSV in UTF-8") from error
        reader = csv.reader(io.StringIO(text, newline=""))
        try:
            header = [name.strip().lower() for name in next(reader, [])]
            for column in ("file", "tags"):
                if column not in header:
                    raise UserError(
                        f"{where} has no column {column!r}, only {', '.join(header) or 'none'}: "
                        "its first line names the columns file,tags"
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
                    if not row["file"]:
                        raise UserError(f"line {reader.line_num} of {where} names no file")
                    yield row
        except csv.Error as error:
            raise UserError(f"line {reader.line_num} of {where} is no CSV: {error}") from error
