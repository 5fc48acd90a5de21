"""A workspace with a recipe: its rounds of masks and its models follow from the recipe."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from tag2mask.models.factory import Architecture
from tag2mask.pipeline.engine.base import Engine, StageSpec
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.workspace import TableSpec, Workspace
from tag2mask.pipeline.progress import Reporter
from tag2mask.pipeline.records import ROUND_SCHEMA, ClassTable
from tag2mask.pipeline.tables.manifest import Lineage, table_key
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.checkpoint import Checkpoints
from tag2mask.pipeline.training.losses import Loss
from tag2mask.pipeline.training.model_store import ModelCard, model_exists, read_card, save_model
from tag2mask.pipeline.training.supervised import SupervisedTraining, TrainingSettings
from tag2mask.pipeline.training.training_set import TrainingSet

logger = logging.getLogger("tag2mask")


def keep_as_is(model: object) -> None:
    """Leave a new model as it is."""


class Start(NamedTuple):
    """The weights that a new model starts with.

    Attributes:
        prepare: Gives them to the model.
        weights: Hash of the weights, for the model's key; empty for none.
    """

    prepare: Callable[[Any], None] = keep_as_is
    weights: str = ""


@dataclass(frozen=True)
class ModelSpec:
    """A model to train.

    Attributes:
        name: Name of its folder in ``models/``.
        architecture: How to build it.
        loss: Maps the model's output and the targets to a mean.
        settings: The schedule, to be fitted to the number of images.
        key: Hash of everything that the weights follow from.
        prepare: Changes the new model before it is trained.
        examine: Measures the trained model, for its card.
    """

    name: str
    architecture: Architecture
    loss: Loss
    settings: TrainingSettings
    key: str
    prepare: Callable[[Any], None] = keep_as_is
    examine: Callable[[Any], dict[str, Any]] = lambda model: {}


class RecipeWorkspace(Workspace):
    """A run's folder and the recipe that its masks follow from.

    Args:
        uri: The run's folder, a local path or any fsspec URI.
        recipe: The settings that the masks follow from.
        engine: Runs the stages and trains; the choice changes no mask.
        reporter: Shows the progress.

    Raises:
        UserError: If nothing can be written to the folder; this is checked before any work.
    """

    def __init__(self, uri: str, recipe: Recipe, engine: Engine, reporter: Reporter) -> None:
        super().__init__(uri, engine, reporter)
        self.recipe = recipe

    def make_round(
        self,
        name: str,
        scan: Scan,
        stages: Sequence[StageSpec],
        key_inputs: dict[str, Any],
        *,
        base: Table | None = None,
        corrections: Table | None = None,
    ) -> Table:
        """Makes a table of masks, or finds it finished.

        Args:
            name: Name of the round.
            scan: The images and all other columns that the stages read.
            stages: Run one after another on each row.
            key_inputs: Further inputs of the masks' key, as JSON values by name.
            base: The round that the masks are added to.
            corrections: The masks of people among them.
        """
        images = scan.images
        inputs = [images, *([] if corrections is None else [corrections])]
        spec = TableSpec(
            name=f"rounds/{name}",
            schema=ROUND_SCHEMA,
            key=table_key(images=images.manifest.key, round=name, **key_inputs),
            shards=self.recipe.shards,
            metadata={**images.metadata, "recipe": self.recipe.model_dump(mode="json")},
            lineage=Lineage.of(
                *(table.manifest for table in inputs), base=None if base is None else base.manifest
            ),
        )
        return self.make_table(spec, scan, stages)

    def train_model(self, spec: ModelSpec, data: TrainingSet) -> ModelCard:
        """Trains and stores a model, or finds it finished.

        Args:
            spec: The model.
            data: The images and their targets.

        Raises:
            UserError: If the backbone's ImageNet weights cannot be loaded.
        """
        uri, seed = self.model_uri(spec.name), self.recipe.seed
        found = model_exists(uri, spec.key)
        logger.debug("model %s is %s, key %s", uri, "reused" if found else "trained", spec.key)
        if found:
            return read_card(uri)
        settings = spec.settings.fitted(len(data))
        samples = data.samples(settings.batch, settings.crop, settings.scale, seed)
        # The head is initialized by the same numbers in every run.
        torch.manual_seed(seed)
        model = self._build(spec.architecture)
        spec.prepare(model)
        if self.recipe.backbone.pretrained and self.recipe.backbone.frozen:
            model.backbone.freeze_below(model.backbone.taps[0])
        checkpoints = Checkpoints(f"{self.uri}/.staging/model-{spec.name}-{spec.key[:12]}")
        training = SupervisedTraining(
            model, model.backbone, spec.loss, samples, settings, checkpoints
        )
        outcome = self.engine.train(training, self.reporter.steps(spec.name, settings.steps))
        card = save_model(
            uri,
            model,
            architecture=spec.architecture,
            classes=ClassTable(names=data.class_names),
            key=spec.key,
            training={
                **settings.model_dump(mode="json"),
                **outcome,
                **spec.examine(model),
                "images": len(data),
            },
        )
        checkpoints.clear()
        return card

    def _build(self, architecture: Architecture) -> Any:  # noqa: ANN401 - of any kind
        try:
            return architecture.build(pretrained=self.recipe.backbone.pretrained)
        except (ImportError, OSError) as error:
            raise UserError(
                f"the ImageNet weights of {architecture.backbone} cannot be loaded ({error}): "
                "install or download them, or start without them by backbone.pretrained=false"
            ) from error
