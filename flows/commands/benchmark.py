"""The command benchmark."""

from __future__ import annotations

from typing import Annotated

import typer

from tag2mask.flows.commands.options import (
    Changes,
    Classes,
    EngineName,
    Out,
    RecipeFile,
    Workers,
    split_names,
)
from tag2mask.pipeline.errors import UserError


def benchmark(
    task: Annotated[
        str,
        typer.Argument(
            help="Benchmark: ladder, table1, claims, throughput, read-speed, mask-quality, "
            "dcsm-ablation or semi-supervised."
        ),
    ],
    data: Annotated[
        str, typer.Argument(help="Images with ground truth; for read-speed, a published dataset.")
    ],
    out: Out,
    recipe: RecipeFile = None,
    classes: Classes = None,
    set_: Changes = None,
    engine: EngineName = "local",
    workers: Workers = 2,
    only: Annotated[
        str | None,
        typer.Option(
            help="Parts to run: methods of table1, claims, engines of throughput, or the view of "
            "mask-quality."
        ),
    ] = None,
) -> None:
    """Measures one of the tables of docs/benchmarks.md; a killed run continues."""
    from tag2mask.flows.benchmarks.ladder import BENCHMARKS, OLD_NAMES
    from tag2mask.flows.benchmarks.setup import BenchRequest
    from tag2mask.pipeline.labeling.recipe import read_recipe

    task = OLD_NAMES.get(task, task)
    if task not in BENCHMARKS:
        raise UserError(f"unknown benchmark {task!r}: choose one of {', '.join(BENCHMARKS)}")
    if only is not None and task not in ("claims", "mask-quality", "table1", "throughput"):
        raise UserError(
            "--only chooses methods of table1, claims, engines of throughput or the view of "
            f"mask-quality, and {task} has none: leave it out"
        )
    if task == "mask-quality" and (recipe or set_):
        raise UserError(
            "mask-quality takes the recipe of the ladder in its folder: leave out --recipe and "
            "--set"
        )
    settings = read_recipe(recipe, set_ or ())
    request = BenchRequest(
        data=data,
        out=out,
        recipe=settings,
        classes=split_names(classes),
        engine=engine,
        workers=workers,
        chosen=split_names(only),
    )
    print(BENCHMARKS[task](request))
