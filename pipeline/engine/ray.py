"""The engine on Ray: pools of actors keep GPUs and processors of any cluster busy at once.

Units flow through Ray Data, and actors run the stages. Actors on processors also read the units
and stage the rows. Next to GPU actors, tasks do that, so that a GPU never waits for storage. The
driver holds only the units' descriptions, not their content.
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
from tag2mask.pipeline.engine.pools import Node, group_stages, plan_pools
from tag2mask.pipeline.engine.ray_crash_counter import start_crash_counter
from tag2mask.pipeline.engine.ray_dashboard import show_address, wants_dashboard
from tag2mask.pipeline.engine.ray_work import STAGED, UNIT, GroupActor, failure_of, read, stage
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.table_writer import TableWriter

if TYPE_CHECKING:
    from tag2mask.pipeline.training.trainable import ProgressCallback, Trainable

_QUIET: dict[str, Any] = {"logging_level": "error", "log_to_driver": False}


class RayEngine:
    """The engine on the cluster of ``RAY_ADDRESS``, or on a Ray that it starts on this machine.

    Args:
        workers: Processor cores for a Ray that is started here; an existing cluster ignores it.
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

        Ray repeats the work that was lost with a node or a killed worker. A row on which workers
        die again and again becomes an error row, see
        :class:`tag2mask.pipeline.engine.ray_crash_counter.CrashCounter`.

        Raises:
            RuntimeError: If workers die while they load a stage.
            Exception: Any error of a stage's constructor, of reading a unit, or of staging.
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
        # Imported late: it imports torch, which a driver that only runs stages does not need.
        from tag2mask.pipeline.engine.ray_train import train_on_ray

        self.connect()
        return train_on_ray(training, report)

    def connect(self) -> None:
        """Join the cluster, or start Ray here.

        Raises:
            UserError: If Ray cannot be reached or started.
        """
        # A run shows its own progress and errors; Ray's messages stay in its log files.
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
        except UserError:
            raise
        except Exception as error:
            where = f"reach the Ray cluster at {address}" if address else "start Ray here"
            raise UserError(
                f"cannot {where} ({one_line(error)}): try again, or use the engine 'local'"
            ) from error

    def _start(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # Ray's core would warn on the terminal about large arguments of Ray Data's own actors.
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        dashboard = wants_dashboard()
        # "local", because Ray would join any cluster that happens to run on this machine.
        started = ray.init("local", num_cpus=self.workers, include_dashboard=dashboard, **_QUIET)
        if dashboard:
            show_address(started)


def _check_reachable(address: str) -> None:
    """Raise OSError if nothing answers at the address: Ray itself would try for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


def _stream(
    units: Sequence[WorkUnit], stages: Sequence[StageSpec], writer: TableWriter
) -> Iterator[int]:
    """Run units through the stages into the staging folder; yield numbers of staged rows."""
    crashes = start_crash_counter()
    try:
        failure = yield from _staged(units, stages, writer, crashes)
        if failure is not None:
            # The rest of the run holds its actors and their processors until it is collected:
            # the next run would wait for them.
            gc.collect()
            raise pickle.loads(failure)  # our own workers made it; it was never stored
    finally:
        ray.kill(crashes)


def _staged(
    units: Sequence[WorkUnit],
    stages: Sequence[StageSpec],
    writer: TableWriter,
    crashes: ActorHandle,
) -> Generator[int, None, bytes | None]:
    """Yield numbers of staged rows; return the pickled exception that ended the run, if any."""
    context = DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    with DataContext.current(context):
        dataset = _dataset(units, stages, writer, crashes)
    # Not iter_batches: it leaves a thread running.
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
    # Tasks reserve no processors, because the actors hold them during the whole run.
    tasks: dict[str, Any] = {
        "batch_format": "pyarrow",
        "num_cpus": 0,
        "compute": TaskPoolStrategy(_tasks()),
    }
    # One unit in each block, so that a death costs one unit.
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
    """The machines of the cluster that are alive now."""
    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [Node(found.get("CPU", 0), found.get("GPU", 0)) for found in resources]


def _tasks() -> int:
    """The largest number of readers, and of writers, at the same time."""
    return max(1, int(ray.cluster_resources().get("CPU", 1)))
