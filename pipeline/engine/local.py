"""The engine without Ray: in this process, or in a few processes on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pipeline.engine.base import Source, StageSpec, Unit, run_stages
from pipeline.engine.workers import WorkerProcesses
from pipeline.table import TableWriter


class LocalEngine:
    """Runs the stages on this machine.

    Args:
        workers: 1 runs in this process, which suits debugging and a single GPU; more run
            in as many processes with one thread each, and survive the death of any.
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
        """Push every row that is not staged yet through the stages and stage it."""
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


def _in_this_process(
    units: Sequence[Unit], stages: Sequence[StageSpec], writer: TableWriter
) -> Iterator[int]:
    built = [spec.build() for spec in stages]
    sizes = [spec.batch_size for spec in stages]
    for unit in units:
        yield writer.stage(run_stages(built, sizes, unit.read()))
