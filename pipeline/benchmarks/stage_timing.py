"""Stages that keep a record of their time, and the plain loop that engines are compared with."""

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
    """What a stage took, added up over all its copies.

    Attributes:
        stage: Its name.
        rows: Rows that passed.
        seconds: Of wall time inside of it.
        cpu_seconds: Of processor time of the processes that ran it, meanwhile.
        gpu_seconds: Of wall time with a GPU reserved.
        load_seconds: Of wall time to build its copies.
    """

    stage: str
    rows: int = 0
    seconds: float = 0
    cpu_seconds: float = 0
    gpu_seconds: float = 0
    load_seconds: float = 0


class Log:
    """A file of records in a folder that all processes of this machine see.

    Args:
        folder: Where it is written; made if it is not there.
        stage: Whom it is about.
    """

    def __init__(self, folder: str, stage: str) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._path = Path(folder, f"{uuid.uuid4().hex}.jsonl")
        self._stage = stage

    @contextmanager
    def timed(self, rows: int, gpu: bool = False) -> Iterator[None]:
        """Records what happens inside."""
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
        """Records what is built inside."""
        wall = time.perf_counter()
        yield
        self._write(load_seconds=time.perf_counter() - wall)

    def _write(self, **figures: float) -> None:
        # Opened each time: a worker is killed when its work is done, and closes nothing.
        with self._path.open("a") as file:
            file.write(json.dumps({"stage": self._stage, **figures}) + "\n")


def read_times(folder: str) -> list[StageTime]:
    """The sums of all records of a folder by stage, in the order of the stages' names."""
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
        name: What it is called in the records.
        folder: Of the records.
    """

    def __init__(self, spec: StageSpec, name: str, folder: str) -> None:
        self._log = Log(folder, name)
        with self._log.loaded():
            self._stage: Stage = spec.build()
        self._gpu = spec.gpus > 0 and _has_gpu()

    def __call__(self, rows: list[Row]) -> list[Row]:
        """What the stage makes of the rows."""
        with self._log.timed(len(rows), self._gpu):
            return self._stage(rows)


@dataclass
class TimedEngine:
    """An engine whose stages record their time.

    Attributes:
        engine: What runs them.
        folder: Of the records; each run has a folder of its own inside, by its table's kind.
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
    """The script that one would write without an engine: read, stage after stage, write.

    No retries, no halved batches, no processes. Reading and writing are recorded as well.

    Attributes:
        folder: Of the records, as of the :class:`TimedEngine` around it.
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
