"""The inputs of a comparison table: training images, held-out images and ground truth."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from tag2mask.flows.progress import build_reporter
from tag2mask.pipeline.engine import build_engine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assess import find_ground_truth
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.sources import open_source
from tag2mask.pipeline.tables.table import Table

HELD_OUT = "dev"


class BenchRequest(BaseModel):
    """A benchmark's data, folder, recipe and choice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str = Field(
        description="Images, their tags, the splits train and dev, and ground truth; for reading, "
        "a published dataset."
    )
    out: str = Field(description="The folder of the runs; what is finished there is kept.")
    recipe: Recipe = Field(description="Recipe of the runs.")
    classes: tuple[str, ...] | None = Field(None, description="The tags to keep; None keeps all.")
    engine: str = Field("local", description="local or ray.")
    workers: int = Field(2, description="Processes on this machine.")
    chosen: tuple[str, ...] | None = Field(
        None, description="Subset of the methods, claims, engines or views; None for the default."
    )

    def choice(self, known: Collection[str], kind: str) -> list[str]:
        """The chosen names, or all known ones, in the order given.

        Args:
            known: All names.
            kind: The word for such a name in the error.

        Raises:
            UserError: If a chosen name is unknown.
        """
        if unknown := [name for name in self.chosen or () if name not in known]:
            raise UserError(f"unknown {kind} {unknown[0]!r}: choose one of {', '.join(known)}")
        return list(self.chosen or known)


@dataclass(frozen=True)
class Bench:
    """Two runs side by side, and the ground truth masks that score them.

    Attributes:
        data: The source.
        run: The run on the training images.
        dev: The run on the held-out images, with a recipe of that split.
        images: The training images.
        dev_images: The held-out images.
        ground_truth: The ground truth masks of both.
    """

    data: str
    run: Run
    dev: Run
    images: Table
    dev_images: Table
    ground_truth: GroundTruthFolder


def open_bench(request: BenchRequest) -> Bench:
    """Ingests both splits of a source; finished tables are found.

    Raises:
        UserError: If the data has no ground truth masks.
    """
    data, out, recipe = request.data, request.out, request.recipe
    machine = build_engine(request.engine, request.workers)
    run = Run(f"{out}/run", recipe, machine, build_reporter())
    held_out = recipe.model_copy(update={"split": HELD_OUT})
    dev = Run(f"{out}/{HELD_OUT}", held_out, machine, build_reporter())
    source = open_source(data)
    images = ingest(source, request.classes, recipe.split, recipe.near_duplicates, recipe.negatives)
    others = ingest(source, images.classes.names, HELD_OUT, recipe.near_duplicates)
    run.reporter.info(f"train: {images.counts.sentence()}")
    run.reporter.info(f"{HELD_OUT}: {others.counts.sentence()}")
    ground_truth = find_ground_truth(data, images.classes)
    if ground_truth is None:
        raise UserError(
            f"{data} has no ground truth masks in SegmentationClass/: they are needed here"
        )
    return Bench(data, run, dev, run.make_images(images), dev.make_images(others), ground_truth)
