"""The figures of the throughput benchmark, and their tables."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, TypeAdapter

from tag2mask.pipeline.benchmarks.resource_usage import Usage
from tag2mask.pipeline.benchmarks.stage_timing import StageTime
from tag2mask.pipeline.text_tables import markdown_table

PLAIN = "plain"


class StepFigures(BaseModel):
    """One table of a run.

    Attributes:
        step: Its name.
        images: Its rows.
        seconds: Wall time from beginning to commit.
        engine_seconds: Wall time inside of the engine, without scans and commit.
        bytes: Size of its files.
        stages: What they took, in order.
    """

    step: str
    images: int
    seconds: float
    engine_seconds: float
    bytes: int
    stages: list[StageTime]

    @property
    def work(self) -> float:
        """Seconds inside of stages; the plain loop's reading and writing are none."""
        return sum(stage.seconds for stage in self.stages if not _is_table_work(stage))

    @property
    def cpu_work(self) -> float:
        """The same in processor time."""
        return sum(stage.cpu_seconds for stage in self.stages if not _is_table_work(stage))


class EngineFigures(BaseModel):
    """One engine.

    Attributes:
        engine: ``plain``, ``local`` or ``ray``.
        workers: Processor cores that it was given.
        images: Of the source.
        seconds: Wall time of all, with starting and Prefect.
        usage: Processor time and memory.
        steps: In their order.
    """

    engine: str
    workers: int
    images: int
    seconds: float
    usage: Usage
    steps: list[StepFigures]

    @property
    def overhead(self) -> float:
        """Seconds of cores that were no work of a stage, for each second that was.

        Everything counts: Prefect, the start of processes, tables, cores that had to wait.
        """
        work = sum(step.work for step in self.steps)
        return (self.workers * self.seconds - work) / work

    @property
    def cpu_overhead(self) -> float:
        """The same in processor time alone, which other jobs on the machine change less."""
        work = sum(step.cpu_work for step in self.steps)
        return (self.usage.cpu_seconds - work) / work


class PartFigures(BaseModel):
    """What a small part of the stages takes for one image.

    Attributes:
        part: Its name.
        milliseconds: Of processor time.
        share: Of the stage that it is in; None where it is no part of one.
        stage: That stage.
    """

    part: str
    milliseconds: float
    stage: str
    share: float | None


class Throughput(BaseModel):
    """All figures of one benchmark.

    Attributes:
        machine: Processor and GPU in words.
        sides: Mean height and width of the images.
        backbone: Of tagger and segmenter.
        engines: What was compared.
        parts: Decoding, encoding, writing.
    """

    machine: str
    sides: tuple[float, float]
    backbone: str
    engines: list[EngineFigures]
    parts: list[PartFigures]


FIGURES = TypeAdapter(Throughput)


def tables(figures: Throughput) -> str:
    """All tables as Markdown."""
    height, width = figures.sides
    title = (
        f"{figures.machine}; {figures.backbone}; images of {width:.0f} x {height:.0f} on average"
    )
    return "\n\n".join(
        [
            title,
            *(_engine_table(engine) for engine in figures.engines),
            _comparison(figures.engines),
            _part_table(figures.parts),
        ]
    )


def figures_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose first column is text and whose other columns are numbers."""
    return markdown_table(headings, rows, "l" + "r" * (len(headings) - 1))


def _engine_table(engine: EngineFigures) -> str:
    rows = []
    for step in engine.steps:
        rate = step.images / step.seconds
        rows.append([f"**{step.step}**", f"{rate:.1f}", "", "", f"{step.bytes / step.images:.0f}"])
        for stage in step.stages:
            each = 1000 / max(stage.rows, 1)
            rows.append(
                [
                    stage.stage,
                    f"{stage.rows / max(stage.seconds, 1e-9):.1f}",
                    f"{stage.cpu_seconds * each:.1f}",
                    f"{stage.gpu_seconds * each:.1f}",
                    "",
                ]
            )
    columns = ["images/s", "CPU ms an image", "GPU ms an image", "bytes an image"]
    return figures_table([f"{engine.engine}, {engine.workers} workers", *columns], rows)


def _comparison(engines: Sequence[EngineFigures]) -> str:
    rows = [
        [
            engine.engine,
            str(engine.workers),
            str(engine.images),
            f"{engine.images / engine.seconds:.2f}",
            f"{100 * engine.overhead:.0f} %",
            f"{100 * engine.cpu_overhead:.0f} %",
            f"{engine.usage.cpu_seconds / engine.images:.3f}",
            f"{engine.usage.driver_mib:.0f}",
            f"{engine.usage.others_mib:.0f}",
            f"{engine.usage.shared_mib:.0f}",
        ]
        for engine in engines
    ]
    return figures_table(
        [
            "engine",
            "workers",
            "images",
            "images/s",
            "beside the stages",
            "of CPU",
            "CPU s an image",
            "driver MiB",
            "workers MiB",
            "object store MiB",
        ],
        rows,
    )


def _part_table(parts: Sequence[PartFigures]) -> str:
    rows = [
        [
            part.part,
            f"{part.milliseconds:.2f}",
            "" if part.share is None else f"{100 * part.share:.0f} % of {part.stage}",
        ]
        for part in parts
    ]
    return figures_table(["part", "CPU ms an image", "share"], rows)


def _is_table_work(stage: StageTime) -> bool:
    return stage.stage.split(" ")[-1] in ("read", "write")
