"""The engine on Ray: pools of actors for GPUs and processors, all busy at once, on any cluster.

Units flow through Ray Data: actors run the stages. Those on processors also read the units and
stage the rows; where a GPU would have to wait for storage, tasks do. The driver holds the units'
descriptions and nothing of their content.
"""

from __future__ import annotations

import functools
import gc
import logging
import os
import pickle
import socket
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import ray
import ray.data
from ray.actor import ActorHandle
from ray.data import ActorPoolStrategy, DataContext, TaskPoolStrategy

from tag2mask.pipeline.engine.base import StageSpec, WorkSource, WorkUnit, one_line
from tag2mask.pipeline.engine.crash_counter import start_crash_counter
from tag2mask.pipeline.engine.pools import Node, group_stages, plan_pools
from tag2mask.pipeline.engine.ray_work import STAGED, UNIT, GroupActor, failure_of, read, stage
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.table_writer import TableWriter

if TYPE_CHECKING:
    from tag2mask.pipeline.training.trainable import ProgressCallback, Trainable

_QUIET: dict[str, Any] = {"logging_level": "error", "log_to_driver": False}


class RayEngine:
    """Runs the stages on the cluster of ``RAY_ADDRESS``, or on a Ray started on this machine.

    Args:
        workers: Processor cores for a Ray that is started here; a cluster knows its own.
    """

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers

    def run(
        self,
        source: WorkSource,
        stages: Sequence[StageSpec],
        writer: TableWriter,
        progress: Callable[[int], None],
    ) -> None:
        """Push every row that is not staged yet through the stages and stage it.

        Ray repeats what a lost node or a killed worker took with it; a row on which workers
        die again and again becomes an error row, see
        :class:`tag2mask.pipeline.engine.crash_counter.CrashCounter`.

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
        staged = len(done)
        for rows in _stream(units, stages, writer):
            staged += rows
            progress(staged)

    def train(self, training: Trainable, report: ProgressCallback) -> dict[str, float]:
        """Train a model on the cluster.

        See :func:`tag2mask.pipeline.engine.ray_train.train_on_ray`.
        """
        # Imported late: torch, which a driver that only runs stages does without.
        from tag2mask.pipeline.engine.ray_train import train_on_ray

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
                _check_reachable(address)
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


def _check_reachable(address: str) -> None:
    """Raise OSError if nobody answers: Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


def _stream(
    units: Sequence[WorkUnit], stages: Sequence[StageSpec], writer: TableWriter
) -> Iterator[int]:
    """Run units through the stages into the staging folder; yields how many rows it got."""
    crashes = start_crash_counter()
    try:
        failure = yield from _staged(units, stages, writer, crashes)
        if failure is not None:
            # What is left of the run holds its actors, and they their processors, until it is
            # collected: the next run would wait for them.
            gc.collect()
            raise pickle.loads(failure)  # made by our own workers, never stored
    finally:
        ray.kill(crashes)


def _staged(
    units: Sequence[WorkUnit],
    stages: Sequence[StageSpec],
    writer: TableWriter,
    crashes: ActorHandle,
) -> Generator[int, None, bytes | None]:
    """Yields how many rows were staged; returns the pickled exception that ended the run."""
    context = DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    with DataContext.current(context):
        dataset = _dataset(units, stages, writer, crashes)
    # Not iter_batches, which leaves a thread behind.
    for bundle in dataset.iter_internal_ref_bundles():
        for block in ray.get(list(bundle.block_refs)):
            failure = failure_of(block)
            if failure is not None:
                return failure
            yield sum(block[STAGED].to_pylist())
    return None


def _dataset(
    units: Sequence[WorkUnit],
    stages: Sequence[StageSpec],
    writer: TableWriter,
    crashes: ActorHandle,
) -> ray.data.Dataset:
    nodes = _nodes()
    groups = group_stages(stages, nodes)
    pools = plan_pools(groups, nodes)
    # Tasks reserve no processors, because the actors hold theirs from beginning to end.
    tasks: dict[str, Any] = {
        "batch_format": "pyarrow",
        "num_cpus": 0,
        "compute": TaskPoolStrategy(_tasks()),
    }
    # One unit a block, so that a unit is what is lost and repeated.
    blocks: ray.data.Dataset = ray.data.from_items(
        [{UNIT: pickle.dumps(unit)} for unit in units], override_num_blocks=len(units)
    )
    # A GPU must not wait for storage.
    if pools[0].gpus:
        blocks = blocks.map_batches(functools.partial(read, crashes=crashes), **tasks)
    for number, (group, pool) in enumerate(zip(groups, pools, strict=True)):
        reads_units = number == 0 and not pool.gpus
        stages_rows = number == len(groups) - 1 and not pool.gpus
        blocks = blocks.map_batches(
            GroupActor,
            fn_constructor_args=(number, group, crashes, writer if stages_rows else None),
            batch_format="pyarrow",
            batch_size=1 if reads_units else group.batch_size,
            compute=ActorPoolStrategy(min_size=1, max_size=pool.size),
            num_cpus=pool.cpus,
            num_gpus=pool.gpus,
        )
    if pools[-1].gpus:
        blocks = blocks.map_batches(functools.partial(stage, writer=writer), **tasks)
    return blocks


def _nodes() -> list[Node]:
    """The machines that are there now."""
    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [Node(found.get("CPU", 0), found.get("GPU", 0)) for found in resources]


def _tasks() -> int:
    """How many readers, and how many writers, may run at once."""
    return max(1, int(ray.cluster_resources().get("CPU", 1)))
