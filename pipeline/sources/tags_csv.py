"""A folder with tags.csv, the list of its images and their tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from tag2mask.pipeline.sources.base import TaggedFile, TreeSource, unique
from tag2mask.pipeline.sources.csv_table import read_csv
from tag2mask.pipeline.sources.file_finder import FileFinder
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder
from tag2mask.pipeline.sources.tag_cells import find_separator, split_cell

TABLE = "tags.csv"
IMAGES = "JPEGImages"


class TagsCsvSource(TreeSource):
    r"""Images that ``tags.csv`` lists, beside it or in ``JPEGImages/``.

    Columns: ``file``, ``tags`` with ``|`` between them (``\|`` inside a tag), and if wanted
    ``split`` and ``origin``; others are ignored. Semicolons or commas between tags are found
    and said. Images that the list leaves out are not part of the source.
    """

    kind: ClassVar[str] = "tags.csv"
    looked_for: ClassVar[str] = "a tags.csv with the columns file and tags"

    @classmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether the folder holds a tags.csv; the file alone would have no images."""
        return not tree.is_file and TABLE in tree.files()

    def images(self) -> Iterator[TaggedFile]:
        """Every row of the list.

        Raises:
            UserError: If the list is at fault, see
                :func:`tag2mask.pipeline.sources.csv_table.read_csv`.
        """
        locator = FileFinder(self.tree)
        cells = (row["tags"] for row in read_csv(self.tree, TABLE, ("file", "tags")))
        separator, note = find_separator(cells, TABLE)
        self.notes = [note] if note else []
        for row in read_csv(self.tree, TABLE, ("file", "tags")):
            path, problem = locator.locate(row["file"], ("", IMAGES))
            yield TaggedFile(
                path=path,
                tags=unique(split_cell(row["tags"], separator)),
                split=row.get("split") or None,
                origin=row.get("origin") or None,
                problem=problem,
            )
