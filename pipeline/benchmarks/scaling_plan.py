"""Extrapolation of a measured run to 100 million images."""

from __future__ import annotations

from tag2mask.pipeline.benchmarks.throughput_tables import EngineFigures, Throughput, figures_table

IMAGES = 100_000_000
CORES = 64  # cores of a machine
GPUS = 8
HOURS_OF_A_DAY = 24


def format_plan(figures: Throughput, images: int = IMAGES) -> str:
    """Format core hours, GPU hours and bytes of each step for a number of images, as Markdown.

    The figures of one image are multiplied by the number. The only assumption is that there are
    enough machines.

    Args:
        figures: Figures of a throughput benchmark.
        images: Number of images.
    """
    measured = _most_complete(figures)
    rows = []
    for step in measured.steps:
        cores = sum(s.cpu_seconds for s in step.stages) / step.images * images / 3600
        gpus = sum(s.gpu_seconds for s in step.stages) / step.images * images / 3600
        terabytes = step.bytes / step.images * images / 1e12
        rows.append(_row(step.step, cores, gpus, terabytes))
    whole = measured.usage.cpu_seconds / measured.images * images / 3600
    gpus = sum(s.gpu_seconds for step in measured.steps for s in step.stages)
    size = sum(step.bytes / step.images for step in measured.steps) * images / 1e12
    rows.append(_row("whole run", whole, gpus / measured.images * images / 3600, size))
    title = (
        f"{images:,} images like these, from {measured.images:,} on the engine "
        f"{measured.engine!r} ({figures.machine}; {figures.backbone})"
    )
    headings = [
        "step",
        "core hours",
        f"days on one machine of {CORES} cores",
        "GPU hours",
        f"days on one machine of {GPUS} GPUs",
        "terabytes",
    ]
    return f"{title}\n\n{figures_table(headings, rows)}"


def _most_complete(figures: Throughput) -> EngineFigures:
    """The last engine: Ray, if it was measured."""
    return figures.engines[-1]


def _row(name: str, cores: float, gpus: float, terabytes: float) -> list[str]:
    return [
        name,
        f"{cores:,.0f}",
        f"{cores / CORES / HOURS_OF_A_DAY:,.1f}",
        f"{gpus:,.0f}",
        f"{gpus / GPUS / HOURS_OF_A_DAY:,.1f}",
        f"{terabytes:,.2f}",
    ]
