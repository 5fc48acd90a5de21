"""How many pictures a second, on each engine, and what the engines themselves cost."""

from __future__ import annotations

import multiprocessing
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from flows.environment import set_defaults

set_defaults()

from prefect import flow, task  # noqa: E402  (its settings are read on import)
from prefect.cache_policies import NO_CACHE  # noqa: E402

from flows.progress import Terminal  # noqa: E402
from pipeline.engine import ENGINES  # noqa: E402
from pipeline.errors import UserError  # noqa: E402
from pipeline.ingestion.ingest import ingest  # noqa: E402
from pipeline.measuring.throughput import (  # noqa: E402
    Call,
    Measurement,
    machine_name,
    mean_sides,
    measure_parts,
)
from pipeline.recipe import Recipe  # noqa: E402
from pipeline.report.plan import plan  # noqa: E402
from pipeline.report.throughput import PLAIN, EngineFigures, Throughput, tables  # noqa: E402
from pipeline.sources import open_source  # noqa: E402
from pipeline.tables.table import Table  # noqa: E402

RESULT = "throughput.json"


def throughput(
    data: str,
    out: str,
    recipe: Recipe,
    classes: Sequence[str] | None = None,
    engine: str = "local",
    workers: int = 2,
    methods: Sequence[str] | None = None,
) -> str:
    """Labels the same pictures by a plain loop and by the engines, without training.

    Each runs in a process of its own, one after another, so that the memory of one is not
    counted for the next.

    Args:
        data: The pictures and their tags; all splits are taken.
        out: A local folder; what an earlier measurement left there is replaced.
        recipe: Of the run.
        classes: The tags to keep; None keeps all.
        engine: Is not used: all are compared.
        workers: Processor cores for the engines.
        methods: Which of ``plain``, ``local`` and ``ray``; None takes all.

    Returns:
        The tables and the plan for a hundred million pictures.

    Raises:
        UserError: If an engine is unknown, or a measurement failed.
    """
    del engine
    names = list(methods or [PLAIN, *ENGINES])
    if unknown := set(names) - {PLAIN, *ENGINES}:
        raise UserError(f"no engine {unknown.pop()!r}: choose from {', '.join([PLAIN, *ENGINES])}")
    if "://" in out:
        raise UserError(f"figures are taken on a local disk, not in {out}: choose a folder")
    folder = Path(out).absolute()
    engines = []
    for name in names:
        place = folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        engines.append(_in_a_process(name, workers, data, str(place), recipe, classes))
    first = str(folder / names[0])
    figures = Throughput(
        machine=machine_name(),
        sides=mean_sides(first),
        trunk=recipe.trunk.name,
        engines=engines,
        parts=measure_parts(first, engines[0]) if names[0] == PLAIN else [],
    )
    (folder / RESULT).write_text(figures.model_dump_json(indent=1))
    return f"{tables(figures)}\n\n{plan(figures)}"


def _in_a_process(
    name: str,
    workers: int,
    data: str,
    place: str,
    recipe: Recipe,
    classes: Sequence[str] | None,
) -> EngineFigures:
    result = Path(place, "figures.json")
    process = multiprocessing.get_context("spawn").Process(
        target=_measure, args=(name, workers, data, place, recipe, classes, str(result))
    )
    process.start()
    process.join()
    if process.exitcode or not result.exists():
        raise UserError(
            f"the measurement of {name!r} ended with exit code {process.exitcode}; what it said "
            "is above"
        )
    return EngineFigures.model_validate_json(result.read_text())


def _measure(
    name: str,
    workers: int,
    data: str,
    place: str,
    recipe: Recipe,
    classes: Sequence[str] | None,
    result: str,
) -> None:
    pictures = ingest(open_source(data), classes, None)
    measurement = Measurement(name, workers, place, recipe, Terminal())

    def measured(call: Call) -> EngineFigures:
        return measurement.measure(pictures, call)

    figures = measured(_directly) if name == PLAIN else _in_a_flow(measured)
    Path(result).write_text(figures.model_dump_json())


def _directly(make: Callable[[], Table]) -> Table:
    return make()


def _in_a_flow(measured: Callable[[Call], EngineFigures]) -> EngineFigures:
    step = task(name="step", cache_policy=NO_CACHE, persist_result=False)(_directly)

    @flow(name="benchmark-throughput", validate_parameters=False)
    def measure_all() -> EngineFigures:
        return measured(lambda make: step(make))

    return measure_all()
