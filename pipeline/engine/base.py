"""What a stage, a source and an engine are, and how one stage is run on one batch."""

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

    The constructor loads what is heavy. A stage knows neither files nor engines, and what it
    makes of a row never depends on the other rows of the batch.
    """

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Map a batch of rows."""
        ...


@dataclass(frozen=True)
class StageSpec:
    """How to build a stage, and what it needs.

    Attributes:
        factory: A class or function that can be pickled by name.
        settings: Its keyword arguments, which can be pickled.
        gpus: GPUs for each copy of the stage; a fraction lets copies share one.
        cpus: Processor cores for each copy.
        batch_size: Rows for each call.
    """

    factory: Callable[..., Stage]
    settings: dict[str, Any] = field(default_factory=dict)
    gpus: float = 0
    cpus: float = 1
    batch_size: int = 8

    def build(self) -> Stage:
        """A new stage."""
        return self.factory(**self.settings)


class WorkUnit(Protocol):
    """A piece of work that a worker reads by itself: what is lost when it dies."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its rows."""
        ...

    def read(self) -> list[Row]:
        """Its rows, read from storage."""
        ...

    def split(self) -> Sequence[WorkUnit]:
        """The same work as units of one row each."""
        ...


class WorkSource(Protocol):
    """Work that can be cut into units which can be pickled."""

    def units(self, done: AbstractSet[str] = frozenset()) -> Sequence[WorkUnit]:
        """The units of all rows but those whose ids are done."""
        ...


class Engine(Protocol):
    """Knows how to run stages over a source, and how to train a model."""

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
            stages: Run one after another on each row. A row on which a stage fails gets
                ``error`` and skips the stages that follow.
            writer: Where rows go, in this process or another. Not committed here.
            progress: Gets the number of rows staged so far, those of an earlier, killed run
                included.
        """
        ...

    def train(self, training: Trainable, report: ProgressCallback) -> dict[str, float]:
        """Train a model in place, from its last checkpoint if there is one.

        The weights are the same whatever the engine.

        Args:
            training: What to train.
            report: Gets the step and the smoothed losses now and then, and at the end.

        Returns:
            The losses and ``seconds``.
        """
        ...


def build_table(
    engine: Engine,
    source: WorkSource,
    stages: Sequence[StageSpec],
    writer: TableWriter,
    progress: Callable[[int], None],
) -> Table:
    """Make a table: run what is not staged yet and commit; nothing when it is done already.

    Raises:
        RuntimeError: If the engine left rows undone: a table is whole or not there at all.
    """
    if not Table.exists(writer.uri, writer.key):
        engine.run(source, stages, writer, progress)
        undone = sum(len(unit.ids) for unit in source.units(writer.staged_ids()))
        if undone:
            raise RuntimeError(f"{undone} rows of the table {writer.uri} were not made")
    return writer.commit()


def run_stages(stages: Sequence[Stage], sizes: Sequence[int], rows: list[Row]) -> list[Row]:
    """Run stages one after another, see :func:`run_stage`.

    Args:
        stages: The stages.
        sizes: Rows for each call, one number for each stage.
        rows: Any number of rows.
    """
    for stage, size in zip(stages, sizes, strict=True):
        rows = run_stage(stage, rows, size)
    return rows


def run_stage(stage: Stage, rows: Sequence[Row], batch_size: int) -> list[Row]:
    """Run one stage over rows; a failure costs the rows that cause it and no others.

    A batch on which the stage raises is halved, down to the single row, which gets the
    exception as ``error``. So an out-of-memory batch is retried at a size that fits. A
    storage that fails is no row's fault and ends the run.

    Args:
        stage: The stage.
        rows: Any number of rows. Those whose ``error`` is set pass by untouched.
        batch_size: The most rows for one call.

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
        # Copies: a stage that fills in rows and then raises must not leave them half done.
        results = stage([dict(row) for row in batch])
        if len(results) != len(batch):
            raise ValueError(f"the stage made {len(results)} rows of {len(batch)}")
        return results
    except StorageError:
        raise
    except Exception as error:
        failure = one_line(error)
    # Outside the handler, where the traceback no longer keeps the failed batch in memory.
    _release_gpu_memory()
    if len(batch) == 1:
        return [{**batch[0], "error": failure}]
    middle = len(batch) // 2
    return _run_batch(stage, batch[:middle]) + _run_batch(stage, batch[middle:])


def one_line(error: BaseException) -> str:
    """An exception as ``Type: message`` in one line of at most 500 characters."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500].rstrip(": ")


def picklable_error(error: Exception) -> Exception:
    """The exception if it survives pickling, else its text; with its traceback as a note."""
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
