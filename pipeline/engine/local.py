"""The engine without Ray: in this process, or in a few processes on this machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tag2mask.pipeline.engine.base import StageSpec, WorkSource, WorkUnit, run_stages
from tag2mask.pipeline.engine.workers import WorkerProcesses
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.table_writer import TableWriter

if TYPE_CHECKING:
    from tag2mask.pipeline.training.trainable import ProgressCallback, Trainable


class LocalEngine:
    """The engine that runs stages on this machine.

    Args:
        workers: Number of processes. 1 runs in this process, for debugging or a single GPU. More
            run in as many processes with one thread each, and survive the death of any of them.
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

        See :meth:`tag2mask.pipeline.engine.base.Engine.run`.
        """
        done = writer.staged_ids()
        units = source.units(done)
        count = len(done)
        progress(count)
        if not units:
            return
        if self.workers == 1:
            staged = _in_this_process(units, stages, writer)
        else:
            staged = WorkerProcesses(self.workers, stages, writer).run(units)
        for rows in staged:
            count += rows
            progress(count)

    def train(self, training: Trainable, report: ProgressCallback) -> dict[str, float]:
        """Train a model in this process.

        Raises:
            UserError: If the training needs several processes.
        """
        workers = training.workers
        if workers > 1:
            raise UserError(
                f"the recipe trains with {workers} workers, which needs the engine 'ray': choose "
                "that engine, or set the training's workers to 1"
            )
        return training.train(report)


def _in_this_process(
    units: Sequence[WorkUnit], stages: Sequence[StageSpec], writer: TableWriter
) -> Iterator[int]:
    built = [spec.build() for spec in stages]
    sizes = [spec.batch_size for spec in stages]
    with _one_thread():
        for unit in units:
            yield writer.stage(run_stages(built, sizes, unit.read()))


@contextmanager
def _one_thread() -> Iterator[None]:
    # One thread as in the other engines: sums over several threads differ in their last bits,
    # and the result must not depend on the engine.
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
