"""A trial on a few images: the time and the space that each step of a run needs on this machine."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tag2mask.pipeline.engine.base import StageSpec, WorkSource, run_stages
from tag2mask.pipeline.ingestion.ingest import Ingest
from tag2mask.pipeline.labeling.dry_run import IMAGES, STEPS, PlannedStep
from tag2mask.pipeline.labeling.loop import run_rounds
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.rounds import model_names
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.progress import SILENT
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.stages.select import SelectSettings
from tag2mask.pipeline.tables.table_writer import TableWriter
from tag2mask.pipeline.training.model_store import read_card
from tag2mask.pipeline.training.supervised import TrainingSettings
from tag2mask.pipeline.training.trainable import ProgressCallback, Trainable

ONE_TAG, SEVERAL_TAGS = 6, 2
TRAINING_STEPS = 4
# Untrained networks make poor masks; none of them may be missing in the steps that follow.
ANY_MASK = SelectSettings(simple_area=(0, 1), tag_area=0, objects_area=1)


@dataclass
class Costs:
    """The measured costs of the steps.

    Args:
        seconds: Seconds on one core for one image or one training step, by name and unit.
        bytes: Bytes of the finished tables for one image, all tables together.
        images: Number of images of the trial.
    """

    seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    bytes: float = 0.0
    images: int = 0

    def seconds_of(self, step: PlannedStep, workers: int) -> float:
        """Seconds that the rest of a step takes on this machine.

        Args:
            step: The step.
            workers: Processes that share the images; a training is one process.
        """
        left = (step.count - step.done) * self.seconds.get((step.name, step.unit), 0.0)
        return left / min(workers, os.cpu_count() or 1) if step.unit == IMAGES else left


class TimingEngine:
    """An engine in this process that measures each step without its start.

    Args:
        costs: Takes the measured seconds.
    """

    def __init__(self, costs: Costs) -> None:
        self.costs = costs

    def run(
        self,
        source: WorkSource,
        stages: Sequence[StageSpec],
        writer: TableWriter,
        progress: Callable[[int], None],
    ) -> None:
        """Stages every row; the first one, which pays for caches and compilers, is not timed."""
        del progress
        rows: list[Row] = [row for unit in source.units() for row in unit.read()]
        built = [spec.build() for spec in stages]
        sizes = [spec.batch_size for spec in stages]
        made = run_stages(built, sizes, rows[:1])
        begun = time.perf_counter()
        made += run_stages(built, sizes, rows[1:])
        seconds = (time.perf_counter() - begun) / max(1, len(rows) - 1)
        self.costs.seconds[writer.kind, IMAGES] = seconds
        writer.stage(made)

    def train(self, training: Trainable, report: ProgressCallback) -> dict[str, float]:
        """Trains in this process; the model's card keeps the seconds."""
        return training.train(report)


def measure(ingest: Ingest, recipe: Recipe) -> Costs:
    """Runs the whole loop on a few images with untrained networks, in a temporary folder.

    Args:
        ingest: The images of a source; at least one needs exactly one tag.
        recipe: The settings of the run.
    """
    readable = [image for image in ingest.images if not image.problem]
    one = [image for image in readable if len(image.tags) == 1][:ONE_TAG]
    several = [image for image in readable if len(image.tags) > 1][:SEVERAL_TAGS]
    chosen = tuple(sorted([*one, *several], key=lambda image: image.id))
    costs = Costs(images=len(chosen))
    with tempfile.TemporaryDirectory(prefix="tag2mask-trial-") as folder:
        run = Run(folder, short_recipe(recipe), TimingEngine(costs), SILENT)
        images, masks = run_rounds(run, replace(ingest, images=chosen))
        *earlier, last = masks.values()
        release(run, images, last, earlier=earlier)
        for name in model_names(recipe):
            training = read_card(run.model_uri(name)).training
            costs.seconds[name, STEPS] = training["seconds"] / training["steps"]
        parts = Path(folder).rglob("*.parquet")
        costs.bytes = sum(part.stat().st_size for part in parts) / len(chosen)
    return costs


def short_recipe(recipe: Recipe) -> Recipe:
    """A recipe with trainings of a few steps in one process, and a filter that keeps any mask."""

    def short(settings: TrainingSettings) -> TrainingSettings:
        changes = {"steps": TRAINING_STEPS, "max_epochs": None, "warmup": 1, "workers": 1}
        return settings.model_copy(update=changes)

    tagger = recipe.tagger.model_copy(
        update={"training": short(recipe.tagger.training), "held_out": 0.0}
    )
    segmenter = recipe.segmenter.model_copy(update={"training": short(recipe.segmenter.training)})
    affinity = recipe.affinity and recipe.affinity.model_copy(
        update={"training": short(recipe.affinity.training)}
    )
    seeds = recipe.seeds.model_copy(update={"select": ANY_MASK})
    return recipe.model_copy(
        update={
            "shards": 1,
            "tagger": tagger,
            "seeds": seeds,
            "affinity": affinity,
            "segmenter": segmenter,
            "select": ANY_MASK,
        }
    )
