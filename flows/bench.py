"""What a comparison table is measured with: training pictures, held-out ones and the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flows.progress import Terminal
from pipeline.engine import build_engine
from pipeline.errors import UserError
from pipeline.evaluation.truth import TruthFolder
from pipeline.ingestion.ingest import ingest
from pipeline.recipe import Recipe
from pipeline.report.assess import find_truth
from pipeline.run import Run
from pipeline.sources import open_source
from pipeline.tables.table import Table

HELD_OUT = "dev"


@dataclass(frozen=True)
class Bench:
    """Two runs side by side, and the true masks that judge them.

    Attributes:
        data: The source.
        run: On the training pictures.
        dev: On the held-out pictures, with a recipe of that split.
        images: The training pictures.
        dev_images: The held-out pictures.
        truth: The true masks of both.
    """

    data: str
    run: Run
    dev: Run
    images: Table
    dev_images: Table
    truth: TruthFolder


def open_bench(
    data: str,
    out: str,
    recipe: Recipe,
    classes: Sequence[str] | None,
    engine: str,
    workers: int,
) -> Bench:
    """Ingests both splits of a source; what is done already is found.

    Args:
        data: The pictures, their tags, the splits ``train`` and ``dev``, and true masks.
        out: The folder of the runs.
        recipe: Of the runs.
        classes: The tags to keep; None keeps all.
        engine: ``local`` or ``ray``.
        workers: Processes on this machine.

    Raises:
        UserError: If the data has no true masks.
    """
    machine = build_engine(engine, workers)
    run = Run(f"{out}/run", recipe, machine, Terminal())
    held_out = recipe.model_copy(update={"split": HELD_OUT})
    dev = Run(f"{out}/{HELD_OUT}", held_out, machine, Terminal())
    source = open_source(data)
    pictures = ingest(source, classes, recipe.split, recipe.near_duplicates)
    others = ingest(source, pictures.classes.names, HELD_OUT, recipe.near_duplicates)
    run.watch.say(f"train: {pictures.counts.sentence()}")
    run.watch.say(f"{HELD_OUT}: {others.counts.sentence()}")
    truth = find_truth(data, pictures.classes)
    if truth is None:
        raise UserError(f"{data} has no true masks in SegmentationClass/: they are needed here")
    return Bench(data, run, dev, run.images(pictures), dev.images(others), truth)
