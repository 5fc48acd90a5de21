"""The engine without Ray: in this process, or in a few processes on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.engine.base import Source, StageSpec, run_stages
from pipeline.table import TableWriter


class LocalEngine:
    """Runs the stages on this machine.

    Args:
        workers: 1 runs in this process, which suits debugging and a single GPU.
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
        built = [spec.build() for spec in stages]
        sizes = [spec.batch_size for spec in stages]
        for unit in units:
            count += writer.stage(run_stages(built, sizes, unit.read()))
            progress(count)
