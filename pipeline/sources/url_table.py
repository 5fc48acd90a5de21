"""A table of URLs and tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from tag2mask.pipeline.sources.base import TaggedFile, TreeSource, unique
from tag2mask.pipeline.sources.csv_table import read_csv
from tag2mask.pipeline.sources.rows import readable_path
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder, UnreadableError
from tag2mask.pipeline.sources.tag_cells import find_separator, split_cell

TABLE = "urls.csv"


class UrlTableSource(TreeSource):
    """Images that ``urls.csv``, or a CSV file given by itself, names by their URLs.

    Columns: ``url``, ``tags`` with ``|`` between them, and if wanted ``split`` and
    ``origin``. The images are downloaded when they are read; a list may come from
    anywhere, so it opens neither local files nor private networks, see
    :class:`tag2mask.pipeline.sources.downloads.Downloads`. (A Parquet file with a column ``url``
    is a source of the kind ``parquet``.)
    """

    kind: ClassVar[str] = "urls"
    looked_for: ClassVar[str] = f"a table of URLs ({TABLE} with the columns url and tags)"

    @classmethod
    def accepts(cls, tree: SandboxedFolder) -> bool:
        """Whether there is a table of URLs."""
        return TABLE in tree.files() or (tree.is_file and bool(tree.find(".csv")))

    @property
    def readers(self) -> int:
        """As many as the settings allow to download at once."""
        return self.downloads.settings.readers

    def images(self) -> Iterator[TaggedFile]:
        """Every row of the table.

        Raises:
            UserError: If the table is at fault, see
                :func:`tag2mask.pipeline.sources.csv_table.read_csv`.
        """
        (table,) = self.tree.files() if self.tree.is_file else (TABLE,)
        cells = (row["tags"] for row in read_csv(self.tree, table, ("url", "tags")))
        separator, note = find_separator(cells, table)
        self.notes = [note] if note else []
        for row in read_csv(self.tree, table, ("url", "tags")):
            url = row["url"]
            yield TaggedFile(
                path=readable_path(url) or "image",
                tags=unique(split_cell(row["tags"], separator)),
                split=row.get("split") or None,
                origin=row.get("origin") or None,
                problem=None if "://" in url else "no URL; it begins with https:// or http://",
                place=url,
            )

    def read(self, address: str) -> bytes:
        """The bytes behind a URL.

        Raises:
            UnreadableError: If it may not be read, or could not be.
        """
        if "://" not in address:
            raise UnreadableError("no URL; it begins with https:// or http://")
        return self.downloads.read(address)
