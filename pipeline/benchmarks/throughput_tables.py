"""The figures of the throughput benchmark, and their tables."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, TypeAdapter

from tag2mask.pipeline.benchmarks.resource_usage import Usage
from tag2mask.pipeline.benchmarks.stage_timing import StageTime
from tag2mask.pipeline.text_tables import markdown_table

PLAIN = "plain"


class StepFigures(BaseModel):
    """Figures of one table of a run.

    Attributes:
        step: Name of the step.
        images: Number of rows.
        seconds: Wall time from the beginning to the commit.
        engine_seconds: Wall time inside the engine, without scans and commit.
        bytes: Size of the table's files.
        stages: Times of the stages, in order.
    """

    step: str
    images: int
    seconds: float
    engine_seconds: float
    bytes: int
    stages: list[StageTime]

    @property
    def work(self) -> float:
        """Wall seconds inside stages, without the plain loop's reading and writing."""
        return sum(stage.seconds for stage in self.stages if not _is_table_work(stage))

    @property
    def cpu_work(self) -> float:
        """Processor seconds inside stages, without the plain loop's reading and writing."""
        return sum(stage.cpu_seconds for stage in self.stages if not _is_table_work(stage))


class EngineFigures(BaseModel):
    """Figures of one engine.

    Attributes:
        engine: ``plain``, ``local`` or ``ray``.
        workers: Number of processor cores for the engine.
        images: Number of images of the source.
        seconds: Wall time of the whole run, including start and Prefect.
        usage: Processor time and memory.
        steps: Figures of the steps, in their order.
    """

    engine: str
    workers: int
    images: int
    seconds: float
    usage: Usage
    steps: list[StepFigures]

    @property
    def overhead(self) -> float:
        """Core seconds outside the stages, for each second inside them.

        They include Prefect, the start of processes, tables and waiting cores.
        """
        work = sum(step.work for step in self.steps)
        return (self.workers * self.seconds - work) / work

    @property
    def cpu_overhead(self) -> float:
        """The overhead in processor time only, on which other jobs have less influence."""
        work = sum(step.cpu_work for step in self.steps)
        return (self.usage.cpu_seconds - work) / work


class PartFigures(BaseModel):
    """Figures of a small part of the stages, for one image.

    Attributes:
        part: Name of the part.
        milliseconds: Processor time in milliseconds.
        share: Share of the stage's time; None for a part outside the stages.
        stage: Name of the stage; empty for a part outside the stages.
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
        backbone: Backbone of tagger and segmenter.
        engines: Figures of the compared engines.
        parts: Figures of decoding, encoding and writing.
    """

    machine: str
    sides: tuple[float, float]
    backbone: str
    engines: list[EngineFigures]
    parts: list[PartFigures]


FIGURES = TypeAdapter(Throughput)


def format_tables(figures: Throughput) -> str:
    """Format all tables as Markdown."""
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
    """Format a Markdown table with text in the first column and numbers in the others."""
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
            "overhead",
            "CPU overhead",
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
