"""Scans: the rows of an images table, joined with other tables of the run, as units of work.

Shard k of every table of a run holds the same ids, so a join never leaves a shard. A worker reads
a few rows of an image part, then the rows with the same ids from the same shard of each other
table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.parquet import read_group, read_matching, select_rows
from tag2mask.pipeline.tables.part_files import open_part
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table

# Few rows, so that a kill costs little and the last units spread over all workers. More than a
# batch, so that a row group is not read too often.
UNIT_ROWS = 16


@dataclass(frozen=True)
class JoinedShard:
    """One shard of a joined table.

    Attributes:
        name: Name of the table in a scan's rows.
        table: URI of the table.
        parts: Paths of the shard's parts.
        columns: Names of the columns to read; None reads all.
    """

    name: str
    table: str
    parts: tuple[str, ...]
    columns: tuple[str, ...] | None

    def read(self, ids: AbstractSet[str]) -> dict[str, Row]:
        """Read the rows of some ids, by id."""
        found = {}
        for part in self.parts:
            columns = None if self.columns is None else list(self.columns)
            with open_part(Folder(self.table), part) as parquet:
                found.update({row["id"]: row for row in read_matching(parquet, ids, columns)})
        return found


@dataclass(frozen=True)
class ScanUnit:
    """Some rows of one row group of one image part, as a unit of work.

    See :class:`tag2mask.pipeline.engine.base.WorkUnit`.
    """

    table: str
    part: str
    row_group: int
    ids: tuple[str, ...]
    columns: tuple[str, ...] | None
    joined: tuple[JoinedShard, ...]

    def read(self) -> list[Row]:
        """Read the rows, each with a nested row (or None) under the name of each joined table."""
        wanted = set(self.ids)
        columns = None if self.columns is None else list(self.columns)
        with open_part(Folder(self.table), self.part) as parquet:
            group = read_group(parquet, self.row_group, columns)
        rows = list(select_rows(group, wanted))
        for joined in self.joined:
            found = joined.read(wanted)
            for row in rows:
                row[joined.name] = found.get(row["id"])
        return rows

    def split(self) -> list[ScanUnit]:
        """Split the unit into units of one row each."""
        return [replace(self, ids=(row_id,)) for row_id in self.ids]


@dataclass(frozen=True)
class Scan:
    """The rows of an images table with the rows of other tables joined to them by id.

    A row holds the columns of the images table and, under the name of each joined table, a
    nested row, as in ``row["seed"]["mask"]``. The nested row is None if that table lacks the id.

    Attributes:
        images: The table whose rows are scanned.
        joined: Other tables of the same run, by name.
        columns: Columns to read, such as ``"tags"`` or ``"seed.mask"``; None reads all. The
            id is always read.
        ids: Ids of the wanted rows; None selects all rows.

    Raises:
        ValueError: If a table has another number of shards, a joined table has the name of a
            column, or a column is unknown.
    """

    images: Table
    joined: Mapping[str, Table] = field(default_factory=dict)
    columns: Sequence[str] | None = None
    ids: AbstractSet[str] | None = None

    def __post_init__(self) -> None:
        """Check that the tables and columns fit together."""
        known = set(self.images.schema.names)
        for name, table in self.joined.items():
            if table.shards != self.images.shards:
                raise ValueError(
                    f"the table {table.uri} has {table.shards} shards and cannot be joined to "
                    f"{self.images.uri}, which has {self.images.shards}: the numbers must be equal"
                )
            if name in known:
                raise ValueError(
                    f"the images table already has a column {name!r}: choose another name"
                )
            known |= {f"{name}.{column}" for column in table.schema.names}
        unknown = set(self.columns or ()) - known
        if unknown:
            raise ValueError(f"unknown columns {sorted(unknown)}; choose from {sorted(known)}")

    def where(self, predicate: Callable[[Row], bool], columns: Sequence[str]) -> Scan:
        """Keep the rows for which a condition on small columns holds.

        The condition is evaluated at once, in this process. So it may be any function, and the
        number of remaining rows is known.

        Args:
            predicate: Called with a row of the given columns; returns whether to keep it.
            columns: Columns of these rows, such as ``["tags", "seed.kept"]``.
        """
        narrow = replace(self, columns=columns)
        kept = {
            row["id"]
            for shard in range(self.images.shards)
            for row in narrow._shard_rows(shard)
            if predicate(row)
        }
        return replace(self, ids=kept)

    def units(self, done: AbstractSet[str] = frozenset(), rows: int = UNIT_ROWS) -> list[ScanUnit]:
        """Split the scan into units.

        Args:
            done: Ids of rows to leave out.
            rows: Largest number of rows of a unit; a unit never spans two row groups.
        """
        units = []
        for shard, part, group, ids in self._groups():
            left = [row_id for row_id in ids if self._wants(row_id) and row_id not in done]
            for start in range(0, len(left), rows):
                units.append(
                    ScanUnit(
                        table=self.images.uri,
                        part=part,
                        row_group=group,
                        ids=tuple(left[start : start + rows]),
                        columns=self._columns(),
                        joined=self._joined(shard),
                    )
                )
        return units

    def wanted_ids(self) -> list[str]:
        """The ids of all rows of the scan, in the order of the table."""
        return [row_id for row_id in self.images.ids() if self._wants(row_id)]

    def __len__(self) -> int:
        """The number of rows of the scan."""
        return len(self.images) if self.ids is None else len(self.wanted_ids())

    def rows(self) -> Iterator[Row]:
        """Iterate the rows, read in this process one unit after another."""
        for unit in self.units():
            yield from unit.read()

    def _shard_rows(self, shard: int) -> Iterator[Row]:
        joined = self._joined(shard)
        rows = [
            row
            for row in self.images.rows(self._columns(), shards=[shard])
            if self._wants(row["id"])
        ]
        ids = {row["id"] for row in rows}
        found = {side.name: side.read(ids) for side in joined}
        for row in rows:
            yield {**row, **{name: sides.get(row["id"]) for name, sides in found.items()}}

    def _wants(self, row_id: str) -> bool:
        return self.ids is None or row_id in self.ids

    def _groups(self) -> Iterator[tuple[int, str, int, list[str]]]:
        folder = Folder(self.images.uri)
        for shard in range(self.images.shards):
            for part in self.images.part_names(shard):
                with open_part(folder, part) as parquet:
                    for group in range(parquet.num_row_groups):
                        ids = read_group(parquet, group, ["id"])["id"].to_pylist()
                        yield shard, part, group, ids

    def _columns(self) -> tuple[str, ...] | None:
        if self.columns is None:
            return None
        own = [name for name in self.columns if name in self.images.schema.names]
        return tuple(dict.fromkeys(["id", *own]))

    def _joined(self, shard: int) -> tuple[JoinedShard, ...]:
        columns: dict[str, list[str]] = defaultdict(list)
        for name in self.columns or ():
            table, _, column = name.partition(".")
            columns[table].append(column)
        return tuple(
            JoinedShard(
                name=name,
                table=table.uri,
                parts=table.part_names(shard),
                columns=None if self.columns is None else tuple(columns[name]),
            )
            for name, table in self.joined.items()
            if self.columns is None or name in columns
        )
