"""The engine on Ray: one pool of actors for each stage, all busy at once, on any cluster.

Units flow through Ray Data: tasks read them, actors run the stages, tasks stage the rows.
The driver holds the units' descriptions and nothing of their content.
"""

from __future__ import annotations

import math
import os
import pickle
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext, Datasink

from pipeline.engine.base import Source, Stage, StageSpec, Unit, portable, run_stage
from pipeline.engine.packing import pack, unpack
from pipeline.records import Row
from pipeline.table import TableWriter

_POLL_SECONDS = 1.0

# What travels between the operators: a packed row, or the exception that ends the run.
_BLOCK = pa.schema([("row", pa.binary()), ("failure", pa.binary())])


class RayEngine:
    """Runs the stages on the cluster of ``RAY_ADDRESS``, or on a Ray started on this machine.

    Args:
        workers: Processor cores for a Ray that is started here; a cluster knows its own.
    """

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers

    def run(
        self,
        source: Source,
        stages: Sequence[StageSpec],
        writer: TableWriter,
        progress: Callable[[int], None],
    ) -> None:
        """Push every row that is not staged yet through the stages and stage it.

        What a lost node or a killed worker took with it is run again, at last row by row; a
        row on which workers die again becomes an error row.

        Raises:
            RuntimeError: If workers die on a large share of the units.
            Exception: What a stage's constructor, the reading of a unit, or the staging
                raised.
        """
        done = writer.staged_ids()
        progress(len(done))
        units = source.units(done)
        if not units:
            return
        self._connect()
        with _reporting(writer, progress):
            _run(units, stages, writer, losses=max(8, len(units) // 10))
            units = source.units(writer.staged_ids())
            _run(units, stages, writer)
            units = [row for unit in source.units(writer.staged_ids()) for row in unit.split()]
            _run(units, stages, writer, alone=True)
        error = "its worker process died again and again"
        for unit in source.units(writer.staged_ids()):
            writer.stage([{"id": row_id, "error": error} for row_id in unit.ids])
        progress(len(writer.staged_ids()))

    def _connect(self) -> None:
        if ray.is_initialized():
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        quiet: dict[str, Any] = {"logging_level": "warning", "log_to_driver": False}
        if os.environ.get("RAY_ADDRESS"):
            ray.init(**quiet)
        else:
            # "local", because Ray would join any cluster that happens to run on this machine.
            ray.init("local", num_cpus=self.workers, include_dashboard=False, **quiet)


@dataclass(frozen=True)
class Pool:
    """The actors of a stage: what each of them reserves, and how many there may be."""

    cpus: float
    gpus: float
    size: int


def plan_pools(stages: Sequence[StageSpec], cpus: float, gpus: float) -> list[Pool]:
    """Share a cluster among the stages so that one actor of each always fits.

    Ray would wait for ever for a resource that the cluster does not have: without GPUs the
    stages run on processors, and where one actor of each does not fit, all of them reserve
    less.

    Args:
        stages: The stages.
        cpus: Processor cores of the cluster.
        gpus: GPUs of the cluster.
    """
    cpu_shares = _shares([spec.cpus for spec in stages], cpus)
    gpu_shares = _shares([spec.gpus for spec in stages], gpus)
    pools = []
    for cpu, gpu in zip(cpu_shares, gpu_shares, strict=True):
        sizes = [
            (total - (sum(shares) - own)) / own
            for total, shares, own in ((cpus, cpu_shares, cpu), (gpus, gpu_shares, gpu))
            if own > 0
        ]
        pools.append(Pool(cpu, gpu, max(1, math.floor(min(sizes, default=cpus) + 1e-6))))
    return pools


def _shares(wanted: list[float], total: float) -> list[float]:
    scale = min(1.0, total / sum(wanted)) if sum(wanted) else 1.0
    # Ray counts in steps of 1/10,000; rounded up, the sum might not fit.
    return [math.floor(value * scale * 10_000) / 10_000 for value in wanted]


def _run(
    units: Sequence[Unit],
    stages: Sequence[StageSpec],
    writer: TableWriter,
    losses: int = -1,
    alone: bool = False,
) -> None:
    """Run units once.

    Args:
        units: The units.
        stages: The stages.
        writer: Where rows go.
        losses: How many tasks may be lost with their workers; -1 is any number.
        alone: Whether each row is a task of its own, and an actor has one task at a time,
            so that a death hits no other row.
    """
    if not units:
        return
    total = ray.cluster_resources()
    cpus = total.get("CPU", 1)
    context = DataContext.get_current().copy()
    context.max_errored_blocks = losses
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    with DataContext.current(context):
        # One unit a block, so that a unit is what is lost and repeated. Readers and writers
        # reserve no processors, which the actors hold from beginning to end.
        blocks = [pa.table({"unit": [pickle.dumps(unit)]}) for unit in units]
        rows = ray.data.from_arrow(blocks).map_batches(
            _read, batch_format="pyarrow", num_cpus=0, concurrency=max(1, int(cpus))
        )
        for spec, pool in zip(stages, plan_pools(stages, cpus, total.get("GPU", 0)), strict=True):
            rows = rows.map_batches(
                _Actor,
                fn_constructor_args=(spec,),
                batch_format="pyarrow",
                batch_size=1 if alone else spec.batch_size,
                compute=ActorPoolStrategy(
                    min_size=1,
                    max_size=pool.size,
                    max_tasks_in_flight_per_actor=1 if alone else None,
                ),
                num_cpus=pool.cpus,
                num_gpus=pool.gpus,
                # Ray Data would repeat without end a task that kills its worker.
                max_task_retries=1,
            )
        sink = _StagingSink(writer)
        rows.write_datasink(sink, ray_remote_args={"num_cpus": 0}, concurrency=max(1, int(cpus)))
    if sink.failures:
        raise pickle.loads(sink.failures[0])  # made by our own workers, never stored


def _read(batch: pa.Table) -> pa.Table:
    try:
        units = [pickle.loads(data) for data in batch["unit"].to_pylist()]
        return _block([row for unit in units for row in unit.read()])
    except Exception as error:
        return _block([], error)


class _Actor:
    """Holds one stage; built at the first batch, where a death counts as a failed task.

    Ray restarts for ever an actor that dies in its constructor.
    """

    def __init__(self, spec: StageSpec) -> None:
        self._spec = spec
        self._stage: Stage | None = None

    def __call__(self, batch: pa.Table) -> pa.Table:
        packed = [data for data in batch["row"].to_pylist() if data is not None]
        failures = [data for data in batch["failure"].to_pylist() if data is not None]
        if failures:
            return _failed(failures)
        try:
            if self._stage is None:
                self._stage = self._spec.build()
            rows = [unpack(data) for data in packed]
            return _block(run_stage(self._stage, rows, self._spec.batch_size))
        except Exception as error:
            return _block([], error)


def _block(rows: list[Row], error: Exception | None = None) -> pa.Table:
    if error is not None:
        return _failed([pickle.dumps(portable(error))])
    packed = [pack(row) for row in rows]
    return pa.table({"row": packed, "failure": [None] * len(packed)}, schema=_BLOCK)


def _failed(failures: list[bytes]) -> pa.Table:
    return pa.table({"row": [None] * len(failures), "failure": failures}, schema=_BLOCK)


@dataclass
class _StagingSink(Datasink[list[bytes]]):
    """Stages the rows of each block; returns to the driver nothing but failures."""

    writer: TableWriter
    failures: list[bytes] = field(default_factory=list)

    def write(self, blocks: Iterable[pa.Table], ctx: object) -> list[bytes]:
        """Stage blocks, on a worker."""
        failures: list[bytes] = []
        for block in blocks:
            failures += [data for data in block["failure"].to_pylist() if data is not None]
            rows = [unpack(data) for data in block["row"].to_pylist() if data is not None]
            try:
                self.writer.stage(rows)
            except Exception as error:
                failures.append(pickle.dumps(portable(error)))
        return failures

    def on_write_complete(self, write_result: Any) -> None:  # noqa: ANN401 - Ray's own type
        """Collect the failures, on the driver."""
        for failures in write_result.write_returns:
            self.failures.extend(failures or [])


@contextmanager
def _reporting(writer: TableWriter, progress: Callable[[int], None]) -> Iterator[None]:
    """Report what is staged, while Ray keeps the driver busy."""
    stop = threading.Event()

    def poll() -> None:
        while not stop.wait(_POLL_SECONDS):
            progress(writer.staged_rows())

    thread = threading.Thread(target=poll, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
