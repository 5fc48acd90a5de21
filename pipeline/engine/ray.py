"""The engine on Ray: pools of actors for GPUs and processors, all busy at once, on any cluster.

Units flow through Ray Data: tasks read them, actors run the stages, tasks stage the rows.
The driver holds the units' descriptions and nothing of their content.
"""

from __future__ import annotations

import functools
import logging
import os
import pickle
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import ray
import ray.data
from ray.actor import ActorHandle
from ray.data import ActorPoolStrategy, DataContext, Datasink, TaskPoolStrategy

from pipeline.engine.base import Source, Stage, StageSpec, Unit, one_line, portable, run_stages
from pipeline.engine.packing import pack, unpack
from pipeline.engine.pools import Link, Node, cut, plan_pools
from pipeline.engine.ray_tally import counted, start_tally
from pipeline.errors import UserError
from pipeline.records import Row
from pipeline.tables.table_writer import TableWriter

if TYPE_CHECKING:
    from pipeline.training.trainable import Report, Trainable

_POLL_SECONDS = 1.0
_TRIES = 2
_QUIET: dict[str, Any] = {"logging_level": "error", "log_to_driver": False}
_DIED = f"its worker process died {_TRIES} times"

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

        Ray repeats what a lost node or a killed worker took with it; a row on which workers
        die again and again becomes an error row, see :class:`pipeline.engine.ray_tally.Tally`.

        Raises:
            RuntimeError: If workers die while they load a stage.
            Exception: What a stage's constructor, the reading of a unit, or the staging
                raised.
        """
        done = writer.staged_ids()
        progress(len(done))
        units = source.units(done)
        if not units:
            return
        self.connect()
        with _reporting(writer, progress):
            _stream(units, stages, writer)
        progress(len(writer.staged_ids()))

    def train(self, training: Trainable, report: Report) -> dict[str, float]:
        """Train a model on the cluster, see :func:`pipeline.training.ray_train.train_on_ray`."""
        # Imported late: torch, which a driver that only runs stages does without.
        from pipeline.training.ray_train import train_on_ray

        self.connect()
        return train_on_ray(training, report)

    def connect(self) -> None:
        """Join the cluster, or start Ray here.

        Raises:
            UserError: If it cannot be reached or started.
        """
        # A run shows its own progress and errors; what Ray has to say is for its log files.
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        if ray.is_initialized():
            return
        address = os.environ.get("RAY_ADDRESS")
        try:
            if address:
                _knock(address)
                ray.init(**_QUIET)
            else:
                self._start()
        except Exception as error:
            where = f"reach the Ray cluster at {address}" if address else "start Ray here"
            raise UserError(
                f"cannot {where} ({one_line(error)}): try again, or use the engine 'local'"
            ) from error

    def _start(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # Ray's core writes to the terminal that Ray Data's own actors hold large arguments.
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        # "local", because Ray would join any cluster that happens to run on this machine.
        ray.init("local", num_cpus=self.workers, include_dashboard=False, **_QUIET)


def _knock(address: str) -> None:
    """Raise OSError if nobody answers: Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


def _stream(units: Sequence[Unit], stages: Sequence[StageSpec], writer: TableWriter) -> None:
    """Run units through the stages into the staging folder."""
    tally = start_tally()
    methods: Any = tally
    context = DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    try:
        with DataContext.current(context):
            _dataset(units, stages, tally).write_datasink(
                _StagingSink(writer, tally),
                ray_remote_args={"num_cpus": 0},
                concurrency=_tasks(),
            )
    except Exception:
        failure = ray.get(methods.failure.remote())
        if failure is None:
            raise
        raise pickle.loads(failure) from None  # made by our own workers, never stored
    finally:
        ray.kill(tally)


def _dataset(
    units: Sequence[Unit], stages: Sequence[StageSpec], tally: ActorHandle
) -> ray.data.Dataset:
    # One unit a block, so that a unit is what is lost and repeated. Readers and writers
    # reserve no processors, because the actors hold theirs from beginning to end.
    blocks = [pa.table({"unit": [pickle.dumps(unit)]}) for unit in units]
    rows = ray.data.from_arrow(blocks).map_batches(
        functools.partial(_read, tally=tally),
        batch_format="pyarrow",
        num_cpus=0,
        compute=TaskPoolStrategy(_tasks()),
    )
    nodes = _nodes()
    links = cut(stages, nodes)
    for number, (link, pool) in enumerate(zip(links, plan_pools(links, nodes), strict=True)):
        rows = rows.map_batches(
            _Actor,
            fn_constructor_args=(number, link, tally),
            batch_format="pyarrow",
            batch_size=link.batch_size,
            compute=ActorPoolStrategy(min_size=1, max_size=pool.size),
            num_cpus=pool.cpus,
            num_gpus=pool.gpus,
        )
    return rows


def _nodes() -> list[Node]:
    """The machines that are there now."""
    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [Node(found.get("CPU", 0), found.get("GPU", 0)) for found in resources]


def _tasks() -> int:
    """How many readers, and how many writers, may run at once."""
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _read(batch: pa.Table, tally: ActorHandle) -> pa.Table:
    try:
        rows: list[Row] = []
        for unit in map(pickle.loads, batch["unit"].to_pylist()):
            with counted(tally, "read", unit.ids) as deaths:
                if deaths < _TRIES:
                    rows += unit.read()
                else:
                    rows += [{"id": row_id, "error": _DIED} for row_id in unit.ids]
        return _block(rows)
    except Exception as error:
        return _failed([pickle.dumps(portable(error))])


class _Actor:
    """Holds the stages of one link, the n-th of the chain.

    They are built at the first batch: an actor that dies in its constructor is restarted by
    Ray for ever.
    """

    def __init__(self, number: int, link: Link, tally: ActorHandle) -> None:
        self._number = number
        self._specs = link.stages
        self._tally = tally
        self._stages: list[Stage] | None = None
        self._failure: bytes | None = None

    def __call__(self, batch: pa.Table) -> pa.Table:
        failures = [data for data in batch["failure"].to_pylist() if data is not None]
        if failures:
            return _failed(failures)
        if self._failure:
            return _failed([self._failure])
        try:
            if self._stages is None:
                self._stages = self._build()
            return _block(self._run(self._stages, [unpack(d) for d in batch["row"].to_pylist()]))
        except Exception as error:
            # What a stage makes of rows never raises: this is the end of the run, and the
            # batches that still come need not try in vain.
            self._failure = pickle.dumps(portable(error))
            return _failed([self._failure])

    def _build(self) -> list[Stage]:
        tally: Any = self._tally
        # A restarted actor keeps its id.
        actor = ray.get_runtime_context().get_actor_id()
        with counted(self._tally, "build", actor) as deaths:
            if deaths >= _TRIES:
                # Else every batch that is still to come would cost as many workers again.
                ray.get(tally.give_up.remote(self._number))
            if ray.get(tally.is_broken.remote(self._number)):
                raise RuntimeError(
                    "worker processes die while they load the stages: memory may be short, "
                    "try fewer workers"
                )
            return [spec.build() for spec in self._specs]

    def _run(self, stages: list[Stage], rows: list[Row]) -> list[Row]:
        """Run a batch, or row by row if workers died on it."""
        sizes = [spec.batch_size for spec in self._specs]
        with counted(self._tally, "batch", self._number, [row["id"] for row in rows]) as deaths:
            if deaths < _TRIES:
                return run_stages(stages, sizes, rows)
            done = []
            for row in rows:
                with counted(self._tally, "row", self._number, row["id"]) as deaths_on_row:
                    fatal = deaths_on_row >= _TRIES
                    done += [{**row, "error": _DIED}] if fatal else run_stages(stages, sizes, [row])
            return done


def _block(rows: list[Row]) -> pa.Table:
    packed = [pack(row) for row in rows]
    return pa.table({"row": packed, "failure": [None] * len(packed)}, schema=_BLOCK)


def _failed(failures: list[bytes]) -> pa.Table:
    return pa.table({"row": [None] * len(failures), "failure": failures}, schema=_BLOCK)


class _FailedError(Exception):
    """Ends the stream; the tally knows why."""


@dataclass
class _StagingSink(Datasink[None]):
    """Stages the rows of each block; the first failure ends the run, as nothing else would."""

    writer: TableWriter
    tally: ActorHandle

    def write(self, blocks: Iterable[pa.Table], ctx: object) -> None:
        """Stage blocks, on a worker."""
        for block in blocks:
            for failure in block["failure"].to_pylist():
                if failure is not None:
                    self._fail(failure)
            try:
                self.writer.stage([unpack(data) for data in block["row"].to_pylist()])
            except Exception as error:
                self._fail(pickle.dumps(portable(error)))

    def _fail(self, failure: bytes) -> None:
        methods: Any = self.tally
        ray.get(methods.fail.remote(failure))
        raise _FailedError


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
