"""The wanted rows of a dataset: small columns in memory, and the positions of the images."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa

from tag2mask.pipeline.dataset.byte_ranges import Ranges
from tag2mask.pipeline.dataset.parquet_pages import Pages, locate_pages
from tag2mask.pipeline.dataset.row_filter import RowFilter, least_values
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.records.object_confidence import CONFIDENCE_COLUMNS, class_confidences
from tag2mask.pipeline.tables.parquet import read_group
from tag2mask.pipeline.tables.part_files import open_part
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table

COLUMNS = (
    "id",
    "height",
    "width",
    "tags",
    "classes",
    "area",
    "confidence",
    "mask_confidence",
    "ignored",
    "round",
    "source",
    "flags",
)
# The calibrated confidences, which datasets of version 0.1 lack.
_CONFIDENCES = "class_confidence"
_IMAGES = ("image.bytes", "mask.bytes")


class DatasetRows:
    """The rows of a published dataset that pass a filter, in the order of its files.

    Opening reads the small columns and the page index of each file, about a hundred bytes for
    each row. Images are read later, one by one. It can be pickled.

    Args:
        uri: URI of the dataset.
        where: Conditions on the wanted rows.

    Attributes:
        classes: The class table.
        columns: The small columns of the wanted rows.
        group: (N,) int64, the row group of each row, counted over all files.

    Raises:
        UserError: If there is no dataset, it was not written by this project, or no row
            passes the filter.
    """

    def __init__(self, uri: str, where: RowFilter) -> None:
        table = Table.open(uri)
        folder = Folder(uri)
        self.classes = ClassTable(names=tuple(table.metadata["classes"]))
        self._ranges = Ranges(folder.uri)
        self._files: list[str] = []
        self._pages: list[dict[str, Pages]] = []
        columns, groups, rows = [], [], []
        for part in table.manifest.parts:
            for number, small in enumerate(_small_columns(folder, part.path)):
                kept = np.flatnonzero(where.matches(small, self.classes))
                columns.append(small.take(pa.array(kept)))
                groups.append(np.full(len(kept), len(self._files) + number))
                rows.append(kept)
            pages = self._locate(part.path, part.bytes)
            self._files += [part.path] * len(pages)
            self._pages += pages
        self.columns: pa.Table = pa.concat_tables(columns).combine_chunks()
        self.group = np.concatenate(groups).astype(np.int64)
        self._row = np.concatenate(rows).astype(np.int64)
        # Looked up once, because a table makes new objects at every access to a column.
        self._ids = self.columns["id"].combine_chunks()
        self._confidence = least_values(self.columns[_CONFIDENCES])
        tags = self.columns["tags"].combine_chunks()
        self._tag_values, self._tag_bounds = tags.values.to_numpy(), tags.offsets.to_numpy()
        if not len(self):
            raise UserError(f"no row of {folder.uri} passes the filter {where!r}: relax it")

    def __len__(self) -> int:
        """The number of wanted rows."""
        return len(self._row)

    def id(self, index: int) -> str:
        """The id of a row."""
        return self._ids[index].as_py()

    def confidence(self, index: int) -> float:
        """The confidence of a row's objects, the least of its tags."""
        return float(self._confidence[index])

    def tags(self, index: int) -> np.ndarray:
        """The tags of a row, (T,) int64 pixel values."""
        return self._tag_values[self._tag_bounds[index] : self._tag_bounds[index + 1]]

    def images(self, index: int, count: int = 1) -> list[tuple[memoryview, memoryview]]:
        """Read the image and mask files of adjacent rows, see :meth:`runs`.

        Args:
            index: Index of the first row.
            count: Number of rows.

        Returns:
            The bytes of the image's file and of the mask's file, for each row.
        """
        group = int(self.group[index])
        read = partial(self._ranges.read, self._files[group])
        first, last = int(self._row[index]), int(self._row[index + count - 1])
        image, mask = (self._pages[group][name].values(read, first, last) for name in _IMAGES)
        return list(zip(image, mask, strict=True))

    def runs(self, order: np.ndarray) -> list[np.ndarray]:
        """Split a sequence of rows into runs that are adjacent in a file.

        Args:
            order: (N,) int64, indices of rows in any order.
        """
        apart = (
            (np.diff(order) != 1)
            | (np.diff(self.group[order]) != 0)
            | (np.diff(self._row[order]) != 1)
        )
        bounds = [0, *(np.flatnonzero(apart) + 1), len(order)]
        return [order[start:stop] for start, stop in pairwise(bounds) if stop > start]

    def _locate(self, part: str, size: int) -> list[dict[str, Pages]]:
        try:
            return locate_pages(partial(self._ranges.read, part), size, _IMAGES)
        except ValueError as error:
            raise UserError(
                f"the images of {part} cannot be read one by one: {error}; use the files as "
                "tag2mask published them"
            ) from error


def _small_columns(folder: Folder, part: str) -> list[pa.Table]:
    """Read the small columns of each row group."""
    with open_part(folder, part) as parquet:
        missing = set(COLUMNS) - set(parquet.schema_arrow.names)
        if missing:
            raise UserError(
                f"{folder.uri} is not a published dataset of this version: it lacks the columns "
                f"{', '.join(sorted(missing))}; give the folder RUN/dataset"
            )
        columns = [*COLUMNS, *({_CONFIDENCES} & {*parquet.schema_arrow.names})]
        return [
            _with_confidences(read_group(parquet, number, columns)).combine_chunks()
            for number in range(parquet.num_row_groups)
        ]


def _with_confidences(rows: pa.Table) -> pa.Table:
    """Rows with a confidence of each tag, which rows of an older dataset do not hold."""
    if _CONFIDENCES in rows.column_names:
        if not rows[_CONFIDENCES].null_count:
            return rows
        rows = rows.drop_columns([_CONFIDENCES])
    small = rows.select([name for name in CONFIDENCE_COLUMNS if name in rows.column_names])
    values = [list(class_confidences(row).values()) for row in small.to_pylist()]
    return rows.append_column(_CONFIDENCES, pa.array(values, pa.list_(pa.float32())))
