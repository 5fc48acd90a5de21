"""Interfaces of stages, work sources and engines, and the run of stages on a batch of rows."""

from __future__ import annotations

import pickle
import sys
import traceback
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tag2mask.pipeline.errors import StorageError
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.table_writer import TableWriter

if TYPE_CHECKING:
    from tag2mask.pipeline.training.trainable import ProgressCallback, Trainable


class Stage(Protocol):
    """A callable that maps a batch of rows to as many rows in the same order.

    The constructor loads heavy objects, such as models. A stage uses neither files nor engines.
    Its result for a row never depends on the other rows of the batch.
    """

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Map a batch of rows."""
        ...


@dataclass(frozen=True)
class StageSpec:
    """Description of a stage: its constructor and its resources.

    Attributes:
        factory: A class or function that can be pickled by name.
        settings: Keyword arguments of the factory, which can be pickled.
        gpus: Number of GPUs for each copy of the stage; a fraction lets copies share a GPU.
        cpus: Processor cores for each copy.
        batch_size: Rows for each call.
    """

    factory: Callable[..., Stage]
    settings: dict[str, Any] = field(default_factory=dict)
    gpus: float = 0
    cpus: float = 1
    batch_size: int = 8

    def build(self) -> Stage:
        """Build a new stage."""
        return self.factory(**self.settings)


class WorkUnit(Protocol):
    """A piece of work that one worker reads; if the worker dies, exactly this piece is lost."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the unit's rows."""
        ...

    def read(self) -> list[Row]:
        """Read the unit's rows from storage."""
        ...

    def split(self) -> Sequence[WorkUnit]:
        """Split the unit into units of one row each."""
        ...


class WorkSource(Protocol):
    """Work that can be split into picklable units."""

    def units(self, done: AbstractSet[str] = frozenset()) -> Sequence[WorkUnit]:
        """The units of all rows, without the rows whose ids are in ``done``."""
        ...


class Engine(Protocol):
    """An executor of stages over a source and of trainings."""

    def run(
        self,
        source: WorkSource,
        stages: Sequence[StageSpec],
        writer: TableWriter,
        progress: Callable[[int], None],
    ) -> None:
        """Push every row that is not staged yet through the stages and stage it.

        Args:
            source: The work.
            stages: The stages, run one after another on each row. A row on which a stage fails
                gets ``error`` and skips the stages that follow.
            writer: The writer that stages the rows, in this process or another. It is not
                committed here.
            progress: Called with the number of rows staged so far, including those of an
                earlier, killed run.
        """
        ...

    def train(self, training: Trainable, report: ProgressCallback) -> dict[str, float]:
        """Train a model in place, from its last checkpoint if there is one.

        The weights are the same with every engine.

        Args:
            training: The training.
            report: Called with the step and the smoothed losses now and then, and at the end.

        Returns:
            The losses by name, and the duration as ``seconds``.
        """
        ...


def build_table(
    engine: Engine,
    source: WorkSource,
    stages: Sequence[StageSpec],
    writer: TableWriter,
    progress: Callable[[int], None],
) -> Table:
    """Build a table: run the rows that are not staged yet and commit; do nothing if it is done.

    Args:
        engine: The engine that runs the stages.
        source: The work.
        stages: The stages, see :meth:`Engine.run`.
        writer: The writer of the table.
        progress: Called with the number of rows staged so far.

    Raises:
        RuntimeError: If the engine left rows unstaged: a table is complete or absent.
    """
    if not Table.exists(writer.uri, writer.key):
        engine.run(source, stages, writer, progress)
        undone = sum(len(unit.ids) for unit in source.units(writer.staged_ids()))
        if undone:
            raise RuntimeError(f"the engine left {undone} rows of the table {writer.uri} unstaged")
    return writer.commit()


def run_stages(stages: Sequence[Stage], sizes: Sequence[int], rows: list[Row]) -> list[Row]:
    """Run stages one after another, see :func:`run_stage`.

    Args:
        stages: The stages.
        sizes: Rows for each call, one number for each stage.
        rows: Any number of rows.

    Returns:
        As many rows in the same order.
    """
    for stage, size in zip(stages, sizes, strict=True):
        rows = run_stage(stage, rows, size)
    return rows


def run_stage(stage: Stage, rows: Sequence[Row], batch_size: int) -> list[Row]:
    """Run one stage over rows; a failure costs only the rows that cause it.

    A batch on which the stage raises is halved, down to a single row, which gets the exception
    as ``error``. So a batch that exceeds the memory is retried at a size that fits. A
    :class:`StorageError` is not caused by a row: it ends the run.

    Args:
        stage: The stage.
        rows: Any number of rows. Rows with an ``error`` pass unchanged.
        batch_size: Largest number of rows for one call.

    Returns:
        As many rows in the same order.
    """
    done = list(rows)
    sound = [index for index, row in enumerate(rows) if not row.get("error")]
    for start in range(0, len(sound), batch_size):
        batch = sound[start : start + batch_size]
        results = _run_batch(stage, [rows[index] for index in batch])
        for index, result in zip(batch, results, strict=True):
            done[index] = result
    return done


def _run_batch(stage: Stage, batch: list[Row]) -> list[Row]:
    failure = ""
    try:
        # Copies: a stage that changes rows and then raises must not leave them half changed.
        results = stage([dict(row) for row in batch])
        if len(results) != len(batch):
            raise ValueError(f"the stage returned {len(results)} rows for {len(batch)}")
        return results
    except StorageError:
        raise
    except Exception as error:
        failure = one_line(error)
    # Outside the handler, because there the traceback no longer keeps the batch in memory.
    _release_gpu_memory()
    if len(batch) == 1:
        return [{**batch[0], "error": failure}]
    middle = len(batch) // 2
    return _run_batch(stage, batch[:middle]) + _run_batch(stage, batch[middle:])


def one_line(error: BaseException) -> str:
    """Format an exception as ``Type: message`` in one line of at most 500 characters."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500].rstrip(": ")


def picklable_error(error: Exception) -> Exception:
    """Return the exception if it can be pickled, else a RuntimeError with its text.

    The traceback is added as a note.
    """
    text = traceback.format_exc()
    try:
        copy = pickle.loads(pickle.dumps(error))
        error = copy if isinstance(copy, Exception) else RuntimeError(one_line(error))
    except Exception:
        error = RuntimeError(one_line(error))
    error.add_note(text)
    return error


def _release_gpu_memory() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
