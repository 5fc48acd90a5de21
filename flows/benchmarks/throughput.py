"""Images a second on each engine, and the overhead of the engines."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from tag2mask.flows.benchmarks.setup import BenchRequest
from tag2mask.flows.progress import build_reporter
from tag2mask.flows.task import flow
from tag2mask.pipeline.benchmarks.scaling_plan import format_plan
from tag2mask.pipeline.benchmarks.throughput import (
    Call,
    Measurement,
    machine_name,
    mean_sides,
    measure_parts,
)
from tag2mask.pipeline.benchmarks.throughput_tables import (
    PLAIN,
    EngineFigures,
    Throughput,
    format_tables,
)
from tag2mask.pipeline.engine import ENGINES
from tag2mask.pipeline.engine.child_processes import terminal_signals_blocked
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.sources import open_source
from tag2mask.pipeline.tables.table import Table

RESULT = "throughput.json"
# In the folder of each measurement, which the next one removes.
MARKER = ".tag2mask-throughput"


def throughput(request: BenchRequest) -> str:
    """Labels the same images by a plain loop and by the engines, without training.

    Each runs in a process of its own, one after another, so that the memory of one is not
    counted for the next.

    Args:
        request: The request; ``chosen`` names engines: ``plain``, ``local``, ``ray``. All splits
            of its data are labeled, without ground truth masks. An earlier measurement in its
            folder is replaced.

    Returns:
        The tables and the plan for a hundred million images.

    Raises:
        UserError: If an engine is unknown, or a measurement failed.
    """
    names = request.choice([PLAIN, *ENGINES], "engine")
    if "://" in request.out:
        raise UserError(f"figures are taken on a local disk, not in {request.out}: choose a folder")
    folder = Path(request.out).absolute()
    engines = []
    for name in names:
        place = folder / name
        _clear(place)
        engines.append(_in_a_process(name, request, str(place)))
    first = str(folder / names[0])
    figures = Throughput(
        machine=machine_name(),
        sides=mean_sides(first),
        backbone=request.recipe.backbone.name,
        engines=engines,
        parts=measure_parts(first, engines[0]) if names[0] == PLAIN else [],
    )
    (folder / RESULT).write_text(figures.model_dump_json(indent=1))
    return f"{format_tables(figures)}\n\n{format_plan(figures)}"


def _clear(place: Path) -> None:
    """Makes an empty folder for a measurement; an earlier measurement is removed."""
    if place.is_dir() and any(place.iterdir()) and not (place / MARKER).exists():
        raise UserError(
            f"{place} would be replaced, and no measurement has made it: choose another --out"
        )
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (place / MARKER).touch()


def _in_a_process(name: str, request: BenchRequest, place: str) -> EngineFigures:
    result = Path(place, "figures.json")
    process = multiprocessing.get_context("spawn").Process(
        target=_measure, args=(name, request, place, str(result))
    )
    with terminal_signals_blocked():
        process.start()
    process.join()
    if process.exitcode or not result.exists():
        raise UserError(
            f"the measurement of {name!r} ended with exit code {process.exitcode}; its output is "
            "above"
        )
    return EngineFigures.model_validate_json(result.read_text())


def _measure(name: str, request: BenchRequest, place: str, result: str) -> None:
    images = ingest(open_source(request.data), request.classes, None)
    measurement = Measurement(name, request.workers, place, request.recipe, build_reporter())

    def measure(call: Call) -> EngineFigures:
        return measurement.measure(images, call)

    figures = measure(_directly) if name == PLAIN else _in_a_flow(measure)
    Path(result).write_text(figures.model_dump_json())


def _directly(make: Callable[[], Table]) -> Table:
    return make()


def _in_a_flow(measure: Callable[[Call], EngineFigures]) -> EngineFigures:
    step = task(name="step", cache_policy=NO_CACHE, persist_result=False)(_directly)

    @flow(name="benchmark-throughput", validate_parameters=False)
    def measure_all() -> EngineFigures:
        return measure(lambda make: step(make))

    return measure_all()
