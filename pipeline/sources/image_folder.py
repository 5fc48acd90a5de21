"""Hugging Face's ``imagefolder``: images listed by metadata.csv or metadata.jsonl."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources.base import TaggedFile, TreeSource, unique
from tag2mask.pipeline.sources.columns import TAGS
from tag2mask.pipeline.sources.csv_table import read_csv
from tag2mask.pipeline.sources.file_finder import FileFinder
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder, UnreadableError
from tag2mask.pipeline.sources.splits import is_split
from tag2mask.pipeline.sources.tag_cells import find_separator, split_cell

CSV, JSONL = "metadata.csv", "metadata.jsonl"
FILE = "file_name"


class ImageFolderSource(TreeSource):
    """Images that ``metadata.csv`` or ``metadata.jsonl`` lists, also in folders of splits.

    Columns: ``file_name``, relative to the list, and the first of ``tags``, ``labels``,
    ``label``, ``classes`` and ``class``. A list in a folder has the split of the folder's name;
    a column ``split`` says it otherwise.
    """

    kind: ClassVar[str] = "imagefolder"
    looked_for: ClassVar[str] = f"Hugging Face's {CSV} or {JSONL} with {FILE} and tags"

    @classmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether there is a list."""
        return bool(_lists(tree))

    def images(self) -> Iterator[TaggedFile]:
        """Every row of every list.

        Raises:
            UserError: If a list is at fault or has no tags.
        """
        self.notes = []
        finder = FileFinder(self.tree)
        for folder, name in _lists(self.tree):
            path = f"{folder}/{name}" if folder else name
            column = self._column(path)
            texts = (row[column] for row in self._rows(path) if isinstance(row.get(column), str))
            separator, note = find_separator(texts, path)
            self.notes += [note] if note else []
            for number, row in enumerate(self._rows(path), start=1):
                file = row.get(FILE)
                if not isinstance(file, str) or not file:
                    raise UserError(f"row {number} of {path} in {self.uri} names no {FILE}")
                found, problem = finder.locate(f"{folder}/{file}" if folder else file, ("",))
                split = row.get("split") or folder or None
                tags = _tags(row.get(column), separator)
                yield TaggedFile(found, tags, str(split) if split else None, problem=problem)

    def _column(self, path: str) -> str:
        """The column of the tags, which the first row shows."""
        first = next(self._rows(path), {})
        column = next((name for name in TAGS if name in first), None)
        if column is None:
            raise UserError(
                f"{path} of {self.uri} has no column {' or '.join(TAGS)}, only "
                f"{', '.join(first) or 'no row'}: add the column tags, with | between tags"
            )
        return column

    def _rows(self, path: str) -> Iterator[dict[str, Any]]:
        if path.endswith(CSV):
            yield from read_csv(self.tree, path, (FILE,))
            return
        try:
            lines = self.tree.read(path).decode("utf-8-sig").split("\n")
        except (UnreadableError, UnicodeDecodeError) as error:
            raise UserError(f"cannot read {path} of {self.uri}: {error}") from error
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield self._parsed(line, f"line {number} of {path} in {self.uri}")

    def _parsed(self, line: str, where: str) -> dict[str, Any]:
        try:
            row = json.loads(line)
        except ValueError as error:
            raise UserError(f"{where} is no JSON: {error}") from error
        if not isinstance(row, dict):
            raise UserError(f"{where} is no JSON object: each line is one, with {FILE} and tags")
        return row


def _lists(tree: SandboxedFolder) -> list[tuple[str, str]]:
    """The folder and the name of each list."""
    folders = [] if tree.is_file else ["", *filter(is_split, tree.folders())]
    found = []
    for folder in folders:
        files = tree.files(folder)
        found += [(folder, name) for name in (CSV, JSONL) if name in files][:1]
    return found


def _tags(value: Any, separator: str) -> tuple[str, ...]:  # noqa: ANN401
    if isinstance(value, list):
        return unique(str(one) for one in value if one is not None)
    if isinstance(value, str):
        return unique(split_cell(value, separator))
    return () if value is None else unique([str(value)])
