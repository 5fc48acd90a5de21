"""Stages that record their time, and a plain loop for comparison with the engines."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from tag2mask.pipeline.engine.base import Engine, Stage, StageSpec, WorkSource
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.table_writer import TableWriter

if TYPE_CHECKING:
    from tag2mask.pipeline.training.trainable import ProgressCallback, Trainable


class StageTime(BaseModel):
    """The time of a stage, summed over all its copies.

    Attributes:
        stage: Name of the stage.
        rows: Number of rows that passed the stage.
        seconds: Wall time inside the stage.
        cpu_seconds: Processor time of the stage's processes during its calls.
        gpu_seconds: Wall time with a reserved GPU.
        load_seconds: Wall time for building the copies.
    """

    stage: str
    rows: int = 0
    seconds: float = 0
    cpu_seconds: float = 0
    gpu_seconds: float = 0
    load_seconds: float = 0


class Log:
    """A file of time records in a folder that all processes of this machine share.

    Args:
        folder: Folder of the records; made if it does not exist.
        stage: Name of the stage.
    """

    def __init__(self, folder: str, stage: str) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._path = Path(folder, f"{uuid.uuid4().hex}.jsonl")
        self._stage = stage

    @contextmanager
    def timed(self, rows: int, gpu: bool = False) -> Iterator[None]:
        """Record the time of a call inside a ``with`` block.

        Args:
            rows: Number of rows of the call.
            gpu: Wait for the GPU, and count the time as GPU time.
        """
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        if gpu:
            _wait_for_gpu()
        seconds = time.perf_counter() - wall
        self._write(
            rows=rows,
            seconds=seconds,
            cpu_seconds=time.process_time() - cpu,
            gpu_seconds=seconds if gpu else 0.0,
        )

    @contextmanager
    def loaded(self) -> Iterator[None]:
        """Record the time of building a stage inside a ``with`` block."""
        wall = time.perf_counter()
        yield
        self._write(load_seconds=time.perf_counter() - wall)

    def _write(self, **figures: float) -> None:
        # Opened each time: a worker is killed after its work and cannot close the file.
        with self._path.open("a") as file:
            file.write(json.dumps({"stage": self._stage, **figures}) + "\n")


def read_times(folder: str) -> list[StageTime]:
    """Sum all records of a folder by stage, in the order of the stages' names."""
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for path in Path(folder).glob("*.jsonl"):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            for name, value in record.items():
                if name != "stage":
                    sums[record["stage"]][name] += value
    return [StageTime.model_validate({"stage": name, **sums[name]}) for name in sorted(sums)]


class Timed:
    """A stage that records the time of its calls.

    Args:
        spec: The stage.
        name: Name of the stage in the records.
        folder: Folder of the records.
    """

    def __init__(self, spec: StageSpec, name: str, folder: str) -> None:
        self._log = Log(folder, name)
        with self._log.loaded():
            self._stage: Stage = spec.build()
        self._gpu = spec.gpus > 0 and _has_gpu()

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Run the stage on the rows and record the time."""
        with self._log.timed(len(rows), self._gpu):
            return self._stage(rows)


@dataclass
class TimedEngine:
    """An engine whose stages record their time.

    Attributes:
        engine: The engine that runs the stages.
        folder: Folder of the records; each run has a subfolder with the kind of its table.
        seconds: Wall time of each run, by its table's kind.
    """

    engine: Engine
    folder: str
    seconds: dict[str, float] = field(default_factory=dict)

    def run(
        self,
        source: WorkSource,
        stages: Sequence[StageSpec],
        writer: TableWriter,
        progress: Callable[[int], None],
    ) -> None:
        """Push every row that is not staged yet through the stages and stage it."""
        records = f"{self.folder}/{writer.kind}"
        timed = [
            replace(
                spec,
                factory=Timed,
                settings={
                    "spec": spec,
                    "name": f"{number} {spec.factory.__name__.lower()}",
                    "folder": records,
                },
            )
            for number, spec in enumerate(stages, 1)
        ]
        start = time.perf_counter()
        self.engine.run(source, timed, writer, progress)
        self.seconds[writer.kind] = time.perf_counter() - start

    def train(self, training: Trainable, report: ProgressCallback) -> dict[str, float]:
        """Train a model in place, as the engine does."""
        return self.engine.train(training, report)


@dataclass
class PlainLoop:
    """A simple script in the place of an engine: read, run one stage after another, write.

    There are no retries, halved batches or processes. Reading and writing are recorded, too.

    Attributes:
        folder: Folder of the records, the same as of the :class:`TimedEngine` around it.
    """

    folder: str

    def run(
        self,
        source: WorkSource,
        stages: Sequence[StageSpec],
        writer: TableWriter,
        progress: Callable[[int], None],
    ) -> None:
        """Push every row through the stages and stage it."""
        records = f"{self.folder}/{writer.kind}"
        reading, writing = Log(records, "0 read"), Log(records, f"{len(stages) + 1} write")
        built = [(spec.build(), spec.batch_size) for spec in stages]
        count = 0
        for unit in source.units():
            with reading.timed(len(unit.ids)):
                rows = unit.read()
            for stage, size in built:
                batches = [rows[start : start + size] for start in range(0, len(rows), size)]
                rows = [row for batch in batches for row in stage(batch)]
            with writing.timed(len(rows)):
                count += writer.stage(rows)
            progress(count)

    def train(self, training: Trainable, report: ProgressCallback) -> dict[str, float]:
        """Train a model in place, in this process."""
        return training.train(report)


def _has_gpu() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and torch.cuda.is_available()


def _wait_for_gpu() -> None:
    sys.modules["torch"].cuda.synchronize()
