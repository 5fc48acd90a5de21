"""Work of Ray's workers on a block: read its units, run stages on its rows, stage the rows.

A failure ends the run. It is passed on as a value, because Ray Data repeats a task that raises.
"""

from __future__ import annotations

import pickle
from typing import Any

import pyarrow as pa
import ray
from ray.actor import ActorHandle

from tag2mask.pipeline.engine.base import Stage, picklable_error, run_stages
from tag2mask.pipeline.engine.packing import pack, unpack
from tag2mask.pipeline.engine.pools import StageGroup
from tag2mask.pipeline.engine.ray_crash_counter import counted
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.table_writer import TableWriter

# Columns of a block: pickled units, packed rows, or numbers of staged rows. Blocks of rows and
# of numbers also have a column of pickled exceptions.
UNIT, ROW, STAGED, FAILURE = "unit", "row", "staged", "failure"
_SCHEMAS = {
    ROW: pa.schema([(ROW, pa.binary()), (FAILURE, pa.binary())]),
    STAGED: pa.schema([(STAGED, pa.int64()), (FAILURE, pa.binary())]),
}

_TRIES = 2
_DIED = f"its worker process died {_TRIES} times"


def failure_of(block: pa.Table) -> bytes | None:
    """The first pickled exception of a block, if any; workers made it, and it is never stored."""
    failures = block[FAILURE].drop_null() if FAILURE in block.column_names else []
    return failures[0].as_py() if len(failures) else None


def read(block: pa.Table, crashes: ActorHandle) -> pa.Table:
    """Read the units of a block; return a block of their rows."""
    try:
        return _filled(ROW, [pack(row) for row in _read(block, crashes)])
    except Exception as error:
        return _failed(ROW, pickle.dumps(picklable_error(error)))


def stage(block: pa.Table, writer: TableWriter) -> pa.Table:
    """Stage the rows of a block; return a block with their number."""
    failure = failure_of(block)
    if failure is None:
        try:
            return _filled(STAGED, [writer.stage(_unpacked(block))])
        except Exception as error:
            failure = pickle.dumps(picklable_error(error))
    return _failed(STAGED, failure)


class GroupActor:
    """An actor that runs the stages of one group of the chain.

    It builds the stages at the first batch, not in its constructor: Ray restarts an actor that
    dies in its constructor for ever.

    Args:
        number: Number of the group in the chain.
        group: The stages.
        crashes: Crash counter of the run.
        writer: Writer that stages the resulting rows; None if another group follows.
    """

    def __init__(
        self, number: int, group: StageGroup, crashes: ActorHandle, writer: TableWriter | None
    ) -> None:
        self._number = number
        self._specs = group.stages
        self._crashes = crashes
        self._writer = writer
        self._made = ROW if writer is None else STAGED
        self._stages: list[Stage] | None = None
        self._failure: bytes | None = None

    def __call__(self, block: pa.Table) -> pa.Table:
        """Map a block of units or of rows to a block of rows or of numbers of staged rows."""
        failure = self._failure or failure_of(block)
        if failure is None:
            try:
                return self._work(block)
            except Exception as error:
                # Errors of stages become error rows, so this error ends the run. The batches
                # that still come return it without another attempt.
                failure = self._failure = pickle.dumps(picklable_error(error))
        return _failed(self._made, failure)

    def _work(self, block: pa.Table) -> pa.Table:
        if self._stages is None:
            self._stages = self._build()
        units = UNIT in block.column_names
        rows = _read(block, self._crashes) if units else _unpacked(block)
        done = self._run(self._stages, rows)
        if self._writer is None:
            return _filled(ROW, [pack(row) for row in done])
        return _filled(STAGED, [self._writer.stage(done)])

    def _build(self) -> list[Stage]:
        crashes: Any = self._crashes
        # A restarted actor keeps its id.
        actor = ray.get_runtime_context().get_actor_id()
        with counted(self._crashes, "build", actor) as deaths:
            if deaths >= _TRIES:
                # Otherwise every batch that still comes would cost as many workers again.
                ray.get(crashes.give_up.remote(self._number))
            if ray.get(crashes.is_broken.remote(self._number)):
                raise RuntimeError(
                    "worker processes die while they load the stages: the memory may be too "
                    "small, try fewer workers"
                )
            return [spec.build() for spec in self._specs]

    def _run(self, stages: list[Stage], rows: list[Row]) -> list[Row]:
        """Run a batch, or row by row if workers died on it."""
        sizes = [spec.batch_size for spec in self._specs]
        with counted(self._crashes, "batch", self._number, [row["id"] for row in rows]) as deaths:
            if deaths < _TRIES:
                return run_stages(stages, sizes, rows)
            done = []
            for row in rows:
                with counted(self._crashes, "row", self._number, row["id"]) as deaths_on_row:
                    fatal = deaths_on_row >= _TRIES
                    done += [{**row, "error": _DIED}] if fatal else run_stages(stages, sizes, [row])
            return done


def _read(block: pa.Table, crashes: ActorHandle) -> list[Row]:
    rows: list[Row] = []
    for unit in map(pickle.loads, block[UNIT].to_pylist()):
        with counted(crashes, "read", unit.ids) as deaths:
            if deaths < _TRIES:
                rows += unit.read()
            else:
                rows += [{"id": row_id, "error": _DIED} for row_id in unit.ids]
    return rows


def _unpacked(block: pa.Table) -> list[Row]:
    return [unpack(data) for data in block[ROW].to_pylist()]


def _filled(column: str, values: list[Any]) -> pa.Table:
    nothing = [None] * len(values)
    return pa.table({column: values, FAILURE: nothing}, schema=_SCHEMAS[column])


def _failed(column: str, failure: bytes) -> pa.Table:
    return pa.table({column: [None], FAILURE: [failure]}, schema=_SCHEMAS[column])
