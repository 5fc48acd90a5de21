"""A run's folder, and how tables are made there once and found again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from tag2mask.pipeline.engine.base import Engine, StageSpec, WorkSource, build_table
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.progress import Reporter
from tag2mask.pipeline.report.rejection_reasons import list_failures, most_frequent
from tag2mask.pipeline.tables.lease import lease
from tag2mask.pipeline.tables.manifest import Lineage, Manifest
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.table_writer import PART_NAME, TableWriter

logger = logging.getLogger("tag2mask")


class CountedSource(WorkSource, Protocol):
    """Work whose number of rows is known before it begins."""

    def __len__(self) -> int:
        """The number of rows of all units."""
        ...


@dataclass(frozen=True)
class TableSpec:
    """A table to make; see :class:`tag2mask.pipeline.tables.table_writer.TableWriter`.

    Attributes:
        name: Name of its folder inside the run's folder; the last part is the table's kind.
        schema: Schema of its rows.
        key: Hash of everything that the rows follow from.
        shards: Number of shards, the same for all tables that are joined.
        metadata: JSON values for readers.
        lineage: The tables that it is made from, and the one that it adds rows to.
        part_name: Template of the names of its files.
        describe: Writes files that describe the table into its folder, before it appears there.
    """

    name: str
    schema: pa.Schema
    key: str
    shards: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    lineage: Lineage = field(default_factory=Lineage)
    part_name: str = PART_NAME
    describe: Callable[[Table], None] | None = None

    @property
    def kind(self) -> str:
        """The last part of the name."""
        return self.name.rsplit("/", 1)[-1]


class Workspace:
    """A run's folder, and the engine that makes its tables.

    Args:
        uri: The run's folder, a local path or any fsspec URI.
        engine: Runs the stages and trains; the choice changes no mask.
        reporter: Shows the progress.

    Raises:
        UserError: If nothing can be written to the folder; this is checked before any work.
    """

    def __init__(self, uri: str, engine: Engine, reporter: Reporter) -> None:
        self.folder = Folder(uri)
        self.folder.check_writable()
        self.uri = self.folder.uri
        self.engine = engine
        self.reporter = reporter

    def lease(self) -> AbstractContextManager[None]:
        """Keeps other runs away from the folder inside a ``with`` block.

        Raises:
            UserError: If another run that is alive writes there.
        """
        return lease(self.folder, ".staging")

    def table_uri(self, name: str) -> str:
        """The URI of one of the run's tables: ``images``, ``rounds/seed`` and so on."""
        return f"{self.uri}/{name}"

    def model_uri(self, name: str) -> str:
        """The URI of one of the run's models: ``tagger``, ``initial`` and so on."""
        return f"{self.uri}/models/{name}"

    def make_table(
        self, spec: TableSpec, source: CountedSource, stages: Sequence[StageSpec]
    ) -> Table:
        """Makes a table, or finds it finished.

        Args:
            spec: The table.
            source: The rows to start from.
            stages: Run one after another on each row.

        Raises:
            UserError: If every row of a new table failed.
        """
        writer = self.table_writer(spec)
        for part, state in writer.salvage().items():
            self.reporter.info(f"{spec.kind}: {part} {state} and is made again")
        found = Table.exists(writer.uri, writer.key)
        logger.debug("table %s is %s, key %s", writer.uri, "reused" if found else "made", spec.key)
        progress = self.reporter.rows(spec.kind, len(source))
        table = build_table(self.engine, source, stages, writer, progress)
        self._report_errors(spec.kind, table, spec.lineage.base)
        return table

    def table_writer(self, spec: TableSpec) -> TableWriter:
        """The writer of a table, with the rows that an earlier run has staged."""
        return TableWriter(
            self.table_uri(spec.name),
            kind=spec.kind,
            schema=spec.schema,
            key=spec.key,
            shards=spec.shards,
            metadata=dict(spec.metadata),
            lineage=spec.lineage,
            staging=f"{self.uri}/.staging/{spec.kind}-{spec.key[:12]}",
            part_name=spec.part_name,
            describe=spec.describe,
        )

    def _report_errors(self, name: str, table: Table, base: Manifest | None) -> None:
        """Reports how many of the new rows failed; removes a new table if all of them did."""
        added = table if base is None else table.without(base.names())
        errors = [] if added is None else list_failures(added)
        if added is None or not errors:
            return
        often = most_frequent(errors)
        if len(errors) == len(table):
            Folder(table.uri).remove_all()  # or the next run would find it finished
            raise UserError(
                f"the step {name!r} failed on all of {len(table):,} images, most often "
                f"because: {often}"
            )
        self.reporter.info(
            f"{name}: {len(errors):,} of {len(added):,} failed, most often because: {often}"
        )


def base_key(base: Table | None) -> dict[str, str]:
    """The key inputs of a table that adds rows to an earlier one: the key of that table."""
    return {} if base is None else {"base": base.manifest.key}
