"""A run's folder, and how tables and models are made there once and found again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pyarrow as pa
import torch

from tag2mask.models.factory import Architecture
from tag2mask.pipeline.engine.base import Engine, StageSpec, WorkSource, build_table
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.progress import Reporter
from tag2mask.pipeline.records import ROUND_SCHEMA, ClassTable
from tag2mask.pipeline.report.rejection_reasons import failures, most_frequent
from tag2mask.pipeline.tables.lease import lease
from tag2mask.pipeline.tables.manifest import Lineage, Manifest, table_key
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.table_writer import PART_NAME, TableWriter
from tag2mask.pipeline.training.augmentation import random_view
from tag2mask.pipeline.training.checkpoint import Checkpoints
from tag2mask.pipeline.training.losses import Loss
from tag2mask.pipeline.training.model_store import ModelCard, model_exists, read_card, save_model
from tag2mask.pipeline.training.samples import Samples, Target, Views
from tag2mask.pipeline.training.supervised import SupervisedTraining, TrainingSettings


def keep_as_is(model: object) -> None:
    """Leave a new model as it is."""


class Workspace:
    """A run's folder, its recipe and what makes its tables and models.

    Args:
        uri: The run's folder, a local path or any fsspec URI.
        recipe: What the masks follow from.
        engine: What runs the stages and trains; it changes nothing in the masks.
        reporter: Shows the progress.

    Raises:
        UserError: If nothing can be written there; it is asked before any work.
    """

    def __init__(self, uri: str, recipe: Recipe, engine: Engine, reporter: Reporter) -> None:
        self.folder = Folder(uri)
        self.folder.check_writable()
        self.uri = self.folder.uri
        self.recipe = recipe
        self.engine = engine
        self.reporter = reporter

    def lease(self) -> AbstractContextManager[None]:
        """Keeps other runs away from the folder inside a ``with`` block.

        Raises:
            UserError: If another run that is alive writes there.
        """
        return lease(self.folder, ".staging")

    def table_uri(self, name: str) -> str:
        """Where a table of the run is: ``images``, ``rounds/seed`` and so on."""
        return f"{self.uri}/{name}"

    def model_uri(self, name: str) -> str:
        """Where a model of the run is: ``tagger``, ``initial`` and so on."""
        return f"{self.uri}/models/{name}"

    def round_table(
        self,
        name: str,
        *,
        scan: Scan,
        stages: Sequence[StageSpec],
        images: Table,
        key_inputs: dict[str, Any],
        base: Table | None = None,
        corrections: Table | None = None,
    ) -> Table:
        """Makes a table of masks.

        Args:
            name: Of the round.
            scan: The images and what else the stages read.
            stages: What is done with them.
            images: The images' table, whose key and classes count.
            key_inputs: Further inputs of the masks' key, as JSON values by name.
            base: The round that the masks are added to.
            corrections: The masks of people among them.
        """
        inputs = [images, *([] if corrections is None else [corrections])]
        return self.table(
            f"rounds/{name}",
            source=scan,
            total=len(scan),
            stages=stages,
            schema=ROUND_SCHEMA,
            key=table_key(images=images.manifest.key, round=name, **key_inputs),
            metadata={**images.metadata, "recipe": self.recipe.model_dump(mode="json")},
            lineage=Lineage.of(
                *(table.manifest for table in inputs), base=None if base is None else base.manifest
            ),
        )

    def table(
        self,
        name: str,
        *,
        source: WorkSource,
        total: int,
        stages: Sequence[StageSpec],
        schema: pa.Schema,
        key: str,
        metadata: dict[str, Any],
        lineage: Lineage = Lineage(),  # noqa: B008 - frozen
        part_name: str = PART_NAME,
    ) -> Table:
        """Makes a table, or finds it done.

        See :class:`tag2mask.pipeline.tables.table_writer.TableWriter`.


        Args:
            name: Of its folder inside the run's; the last part is its kind.
            source: The rows to start from.
            total: How many there are, for the progress.
            stages: What is done with them.
            schema: Of the table.
            key: Hash of everything that the rows follow from.
            metadata: For readers.
            lineage: What it is made of and, where it grows, what it adds rows to.
            part_name: Template of the names of its files.

        Raises:
            UserError: If every row of a new table failed.
        """
        short = name.rsplit("/", 1)[-1]
        writer = TableWriter(
            self.table_uri(name),
            kind=short,
            schema=schema,
            key=key,
            shards=self.recipe.shards,
            metadata=metadata,
            lineage=lineage,
            staging=f"{self.uri}/.staging/{short}-{key[:12]}",
            part_name=part_name,
        )
        for part, state in writer.salvage().items():
            self.reporter.info(f"{short}: {part} {state} and is made again")
        table = build_table(self.engine, source, stages, writer, self.reporter.rows(short, total))
        self._report_errors(short, table, lineage.base)
        return table

    def _report_errors(self, name: str, table: Table, base: Manifest | None) -> None:
        """Says how many of the new rows failed; a new table in which every row did is none."""
        added = table if base is None else table.without(base.names())
        errors = [] if added is None else failures(added)
        if added is None or not errors:
            return
        often = most_frequent(errors)
        if len(errors) == len(table):
            Folder(table.uri).remove_all()  # lest the next run take it for done
            raise UserError(
                f"the step {name!r} failed on all of {len(table):,} images, most often "
                f"because: {often}"
            )
        self.reporter.info(
            f"{name}: {len(errors):,} of {len(added):,} failed, most often because: {often}"
        )

    def model(
        self,
        name: str,
        *,
        architecture: Architecture,
        scan: Scan,
        target: Target,
        loss: Loss,
        settings: TrainingSettings,
        key: str,
        views: Views = random_view,
        prepare: Callable[[Any], None] = keep_as_is,
        examine: Callable[[Any], dict[str, Any]] = lambda model: {},
    ) -> ModelCard:
        """Trains and stores a model, or finds it done.

        Args:
            name: Of its folder in ``models/``.
            architecture: How to build it.
            scan: The images and labels.
            target: What a view's target is.
            loss: From the model's output and the targets to a mean.
            settings: The schedule, to be fitted to the number of samples.
            key: Hash of everything that the weights follow from.
            views: Draws the view of a sample.
            prepare: Changes the new model before it is trained.
            examine: Measures the trained model, for its card.
        """
        uri = self.model_uri(name)
        if model_exists(uri, key):
            return read_card(uri)
        settings = settings.fitted(len(scan))
        samples = Samples(
            scan, target, settings.batch, settings.crop, settings.scale, self.recipe.seed, views
        )
        # The head is initialized by the same numbers in every run.
        torch.manual_seed(self.recipe.seed)
        try:
            model = architecture.build(pretrained=self.recipe.backbone.pretrained)
        except (ImportError, OSError) as error:
            raise UserError(
                f"the ImageNet weights of {architecture.backbone} cannot be loaded ({error}): "
                "install or download them, or start without by backbone.pretrained=false"
            ) from error
        prepare(model)
        if self.recipe.backbone.pretrained and self.recipe.backbone.frozen:
            model.backbone.freeze_below(model.backbone.taps[0])
        checkpoints = Checkpoints(f"{self.uri}/.staging/model-{name}-{key[:12]}")
        training = SupervisedTraining(model, model.backbone, loss, samples, settings, checkpoints)
        outcome = self.engine.train(training, self.reporter.steps(name, settings.steps))
        card = save_model(
            uri,
            model,
            architecture=architecture,
            classes=ClassTable(names=tuple(scan.images.metadata["classes"])),
            key=key,
            training={
                **settings.model_dump(mode="json"),
                **outcome,
                **examine(model),
                "images": len(scan),
            },
        )
        checkpoints.clear()
        return card


def base_key(base: Table | None) -> dict[str, str]:
    """The key inputs of a table that adds rows to an earlier one: the key of that table."""
    return {} if base is None else {"base": base.manifest.key}
