"""A dry run: the steps of a run with their sizes, and which of them are finished.

Nothing is written. A step is finished if its table or model has the key that the run would give
it; the keys of later steps follow from the weights of earlier models, so all steps after the first
unfinished one are to be done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tag2mask.pipeline.engine.base import StageSpec
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.evaluation.tags import is_held_out
from tag2mask.pipeline.ingestion.ingest import Ingest
from tag2mask.pipeline.labeling.incremental import Change, Work
from tag2mask.pipeline.labeling.loop import run_rounds
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.recipe_workspace import ModelSpec
from tag2mask.pipeline.labeling.rounds import TAGGER, labeling_rounds
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.labeling.workspace import CountedSource, TableSpec
from tag2mask.pipeline.progress import SILENT
from tag2mask.pipeline.records.round_names import AFFINITY, SEED
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.model_store import ModelCard, model_exists, read_card
from tag2mask.pipeline.training.supervised import TrainingSettings
from tag2mask.pipeline.training.training_set import TrainingSet

IMAGES, STEPS = "images", "steps"


@dataclass(frozen=True)
class PlannedStep:
    """One step of a run.

    Args:
        name: Name of its table or model.
        unit: ``images`` of a table, ``steps`` of a training.
        count: Number of images or steps; the largest possible number where masks may be
            rejected before.
        done: Number of them that are finished.
    """

    name: str
    unit: str
    count: int
    done: int = 0

    @property
    def title(self) -> str:
        """The step in words: a table by its name, a training as one."""
        return f"train {self.name}" if self.unit == STEPS else self.name

    @property
    def finished(self) -> bool:
        """Whether nothing of it is left to do."""
        return self.done >= self.count


class Unfinished(Exception):  # noqa: N818 - it ends a search, and is no error
    """The first step that is not finished.

    Args:
        step: The step.
    """

    def __init__(self, step: PlannedStep) -> None:
        super().__init__(step.name)
        self.step = step


class FinishedRun(Run):
    """A run that finds its finished tables and models, and writes nothing.

    Args:
        uri: Folder of the run.
        recipe: The settings that the masks follow from.
    """

    def __init__(self, uri: str, recipe: Recipe) -> None:
        # Without the test of Workspace whether its folder is writable, which writes.
        self.folder = Folder(uri)
        self.uri = self.folder.uri
        self.engine, self.reporter, self.recipe = LocalEngine(1), SILENT, recipe

    def make_table(
        self, spec: TableSpec, source: CountedSource, stages: Sequence[StageSpec]
    ) -> Table:
        """The finished table.

        Raises:
            Unfinished: If it is not there.
        """
        uri = self.table_uri(spec.name)
        if Table.exists(uri, spec.key):
            return Table.open(uri)
        staged = len(self.table_writer(spec).staged_ids())
        raise Unfinished(PlannedStep(spec.kind, IMAGES, len(source), staged))

    def train_model(self, spec: ModelSpec, data: TrainingSet) -> ModelCard:
        """The card of the finished model.

        Raises:
            Unfinished: If it is not there.
        """
        uri = self.model_uri(spec.name)
        if model_exists(uri, spec.key):
            return read_card(uri)
        raise Unfinished(PlannedStep(spec.name, STEPS, spec.settings.fitted(len(data)).steps))


def plan(change: Change, uri: str, recipe: Recipe) -> list[PlannedStep]:
    """The steps of a run in their order; empty if there is nothing to do.

    Args:
        change: The source, compared with the last version of the run.
        uri: Folder of the run.
        recipe: The settings that the masks follow from.
    """
    if change.work is Work.NOTHING:
        return []
    if change.work is Work.ADDITION:
        last = labeling_rounds(recipe)[-1].name
        return [PlannedStep(name, IMAGES, len(change.new)) for name in ("images", last, "dataset")]
    steps = all_steps(change.images, recipe)
    try:
        run_rounds(FinishedRun(uri, recipe), change.images)
    except Unfinished as first:
        at = [(step.name, step.unit) for step in steps].index((first.step.name, first.step.unit))
        before = [replace(step, done=step.count) for step in steps[:at]]
        return [*before, first.step, *steps[at + 1 :]]
    # Whether the dataset is finished has been found out with the change.
    return [*(replace(step, done=step.count) for step in steps[:-1]), steps[-1]]


def all_steps(ingest: Ingest, recipe: Recipe) -> list[PlannedStep]:
    """The steps of a whole run, from the numbers of images that its source has."""
    readable = [image for image in ingest.images if not image.problem]
    tagged = [image for image in readable if image.tags]
    simple = Counter(image.tags[0] for image in tagged if len(image.tags) == 1)
    trained = sum(not is_held_out(image.id, recipe.tagger.held_out) for image in readable)
    seeds = sum(min(count, recipe.seeds.images_per_class) for count in simple.values())
    masks = {SEED: seeds}
    steps = [
        PlannedStep("images", IMAGES, len(ingest.images)),
        _training(TAGGER, recipe.tagger.training, trained),
        PlannedStep(SEED, IMAGES, seeds),
    ]
    if recipe.affinity:
        masks[AFFINITY] = seeds
        steps += [
            _training(AFFINITY, recipe.affinity.training, seeds),
            PlannedStep(AFFINITY, IMAGES, seeds),
        ]
    for each in labeling_rounds(recipe):
        negatives = min(len(readable) - len(tagged), int(recipe.negatives * masks[each.masks]))
        samples = masks[each.masks] + negatives
        masks[each.name] = simple.total() if each.select else len(tagged)
        steps += [
            _training(each.name, recipe.segmenter.training, samples),
            PlannedStep(each.name, IMAGES, masks[each.name]),
        ]
    return [*steps, PlannedStep("dataset", IMAGES, len(tagged))]


def _training(name: str, settings: TrainingSettings, samples: int) -> PlannedStep:
    return PlannedStep(name, STEPS, settings.fitted(samples).steps)
