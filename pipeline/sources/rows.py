"""Images in the rows of columnar files, the common part of Parquet and Arrow."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from threading import Lock

import pyarrow as pa

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources.base import TaggedFile, TreeSource
from tag2mask.pipeline.sources.columns import (
    ORIGIN,
    SPLIT,
    Columns,
    ColumnsError,
    choose_columns,
    is_text,
)
from tag2mask.pipeline.sources.downloads import Downloads
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder, UnreadableError
from tag2mask.pipeline.sources.splits import split_of
from tag2mask.pipeline.sources.tag_cells import find_separator

_PLACE = re.compile(r"(.+):(\d+):(\d+)")


class RecentGroups:
    """The groups of rows that were read last; in another process it starts empty.

    Two, because the threads of a pass over all rows are in one group and, at its end,
    already in the next.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._groups: OrderedDict[tuple[str, int], pa.ChunkedArray] = OrderedDict()

    def __reduce__(self) -> tuple[type[RecentGroups], tuple[()]]:
        """Nothing travels."""
        return RecentGroups, ()

    def get(
        self, file: str, group: int, load: Callable[[str, int], pa.ChunkedArray]
    ) -> pa.ChunkedArray:
        """The images of a group, loaded by one thread while the others wait."""
        with self._lock:
            if (file, group) not in self._groups:
                while len(self._groups) > 1:
                    self._groups.popitem(last=False)
                self._groups[file, group] = load(file, group)
            self._groups.move_to_end((file, group))
            return self._groups[file, group]


class RowsSource(TreeSource):
    """A source whose files are tables: each kind adds how their groups of rows are read.

    The images are bytes in the table, or what stands there says where they are: a path
    inside the source or, if :class:`tag2mask.pipeline.sources.downloads.Downloads` allows it, a
    URL. A file is listed group by group, and an image is read with its group.
    """

    def __init__(self, tree: SandboxedFolder, downloads: Downloads) -> None:
        """Start with no group read."""
        super().__init__(tree, downloads)
        self._recent = RecentGroups()

    @property
    def readers(self) -> int:
        """As many as the settings allow to download at once: rows may hold URLs."""
        return self.downloads.settings.readers

    @abstractmethod
    def files(self) -> list[str]:
        """The paths of its tables."""

    @abstractmethod
    def schema(self, file: str) -> pa.Schema:
        """The columns of a table."""

    @abstractmethod
    def groups(self, file: str, columns: Columns) -> Iterator[tuple[int, pa.Table]]:
        """The groups of a table: a number that finds them again, and the narrow columns.

        An embedded image's path stands in a column of the image's name, where the table
        has paths.
        """

    @abstractmethod
    def load(self, file: str, group: int) -> pa.ChunkedArray:
        """The image column of a group."""

    def images(self) -> Iterator[TaggedFile]:
        """Every row of every table.

        Raises:
            UserError: If a table cannot be read or has no images or tags.
        """
        separator, note = find_separator(self._tag_texts(), "the table")
        self.notes = [note] if note else []
        for file, group, columns, rows in self._tables():
            yield from self._listed(file, group, columns, rows, separator)

    def split_of(self, file: str) -> str | None:
        """The split of the rows of a file, where a column does not say it."""
        return split_of(file)

    def _tables(self) -> Iterator[tuple[str, int, Columns, pa.Table]]:
        for file in self.files():
            try:
                columns = choose_columns(self.schema(file))
                for group, rows in self.groups(file, columns):
                    yield file, group, columns, rows
            except (ColumnsError, UnreadableError, pa.ArrowException, OSError) as error:
                raise UserError(f"cannot read {file} of {self.uri}: {error}") from error

    def _tag_texts(self) -> Iterator[str]:
        """The cells of the column of tags, where it holds texts."""
        for _, _, columns, rows in self._tables():
            tags = rows[columns.tags]
            if not is_text(tags.type):
                return
            yield from filter(None, tags.to_pylist())

    def read(self, address: str) -> bytes:
        """The bytes of the image in a row.

        Raises:
            UnreadableError: If there is no such row, it holds no image, or it names one
                that may not be read.
        """
        place = _PLACE.fullmatch(address)
        if place is None:
            raise UnreadableError("no place in a table")
        try:
            images = self._recent.get(place[1], int(place[2]), self.load)
            value = images[int(place[3])].as_py()
        except (ColumnsError, pa.ArrowException, OSError, EOFError, IndexError) as error:
            raise UnreadableError(f"its row cannot be read: {error}") from error
        if isinstance(value, dict):
            value = value.get("bytes") or value.get("path")
        if isinstance(value, str):
            return self.downloads.read(value) if "://" in value else self.tree.read(value)
        if not value:
            raise UnreadableError("a row without an image")
        data: bytes = value
        return data

    def _listed(
        self, file: str, group: int, columns: Columns, rows: pa.Table, separator: str
    ) -> Iterator[TaggedFile]:
        split = self.split_of(file)
        for index, row in enumerate(rows.to_pylist()):
            place = f"{file}:{group:014d}:{index:06d}"
            yield TaggedFile(
                path=_path(row.get(columns.image)) or f"{file}/{group}-{index}",
                tags=columns.tags_of(row[columns.tags], separator),
                split=row.get(SPLIT) or split,
                origin=row.get(ORIGIN) or None,
                place=place,
            )


def _path(value: object) -> str:
    """A name for an image, from what a table says; it opens nothing."""
    path = value.get("path") if isinstance(value, dict) else value
    return readable_path(path) if isinstance(path, str) else ""


def readable_path(name: str) -> str:
    """A relative path that stands for a URL or path in tables and messages.

    Data sets keep paths of the machine that made them, and URLs have questions at their
    end and may have passwords in the middle; exporters write files by what stands here.
    """
    path = name
    if "://" in name:
        host, slash, rest = re.split(r"[?#]", name.partition("://")[2])[0].partition("/")
        path = host.rpartition("@")[2].partition(":")[0] + slash + rest
    parts = PurePosixPath(path.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0]:
        return parts[-1] if parts and parts[-1] not in ("/", "..") else ""
    return "/".join(parts)
