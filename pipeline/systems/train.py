"""Trains a system on a mask dataset and stores it, or finds it done."""

from __future__ import annotations

import hashlib

from tag2mask.models.system import System
from tag2mask.models.transformation.fast_style import FastStyle
from tag2mask.pipeline.dataset.mask_dataset import MaskDataset
from tag2mask.pipeline.engine.base import Engine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.decoding import DecodeError
from tag2mask.pipeline.progress import Reporter
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.systems.batches import Batches, Pairs
from tag2mask.pipeline.systems.image_files import as_image, read_image
from tag2mask.pipeline.systems.recipe import SystemRecipe
from tag2mask.pipeline.systems.training import SystemTraining
from tag2mask.pipeline.systems.training_log import TrainingLog
from tag2mask.pipeline.tables.lease import lease
from tag2mask.pipeline.tables.manifest import table_key
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.checkpoint import Checkpoints
from tag2mask.pipeline.training.model_store import ModelCard, model_exists, read_card, save_model

# Of checkpoints and the lease, inside of the model's folder while it is trained.
STAGING = ".staging"


def train_system(
    dataset: str,
    out: str,
    recipe: SystemRecipe,
    engine: Engine,
    reporter: Reporter,
    style: str | None = None,
) -> ModelCard:
    """Trains a system on a published mask dataset.

    Args:
        dataset: Its URI.
        out: Folder of the model, with the losses and the last sample grid beside it; a
            training that was killed goes on from its last checkpoint there.
        recipe: The system, the rows, the schedule.
        engine: What trains.
        reporter: Shows the progress.
        style: An image, for a system that learns one style.

    Raises:
        UserError: If there is no dataset, no row of it is wanted, another model is there,
            another training that is alive writes there, or the system takes no style.
    """
    data = None if style is None else read_image(style)
    pairs = MaskDataset(dataset, where=recipe.where)
    taken = {} if data is None else {"style": hashlib.sha256(data).hexdigest()}
    key = table_key(
        dataset=Table.open(dataset).fingerprint, recipe=recipe.model_dump(mode="json"), **taken
    )
    classes = pairs.rows.classes
    return train_on_pairs(pairs, classes, out, recipe, engine, reporter, key, style=data)


def train_on_pairs(
    pairs: Pairs,
    classes: ClassTable,
    out: str,
    recipe: SystemRecipe,
    engine: Engine,
    reporter: Reporter,
    key: str,
    view: str | None = None,
    style: bytes | None = None,
) -> ModelCard:
    """Trains a system on any images with masks; see :func:`train_system`.

    Args:
        pairs: The images.
        classes: Of the masks.
        out: Folder of the model.
        recipe: The system and the schedule; its filter of rows is not used.
        engine: What trains.
        reporter: Shows the progress.
        key: Hash of everything that the weights follow from.
        view: What it sees of them, other than the system's own.
        style: An image file, for a system that learns one style.
    """
    folder = Folder(out)
    folder.check_writable()
    with lease(folder, STAGING):
        if model_exists(out, key):
            return read_card(out)
        if model_exists(out):
            raise UserError(
                f"{out} holds a model of another recipe or dataset: choose another --out, or "
                "remove it"
            )
        settings, system = recipe.training, recipe.build(classes)
        if style is not None:
            _give_style(system, style, recipe.task)
        side = recipe.system.size
        batches = Batches(pairs, view or system.view, side, settings.batch, settings.seed)
        checkpoints = Checkpoints(f"{folder.uri}/{STAGING}/{key[:12]}")
        outcome: dict[str, float] = {}
        if system.optimizer_steps():  # some systems have nothing to learn
            training = SystemTraining(
                system, batches, settings, checkpoints, TrainingLog(folder.uri)
            )
            outcome = engine.train(training, reporter.steps(recipe.task, settings.steps))
        card = save_model(
            folder.uri,
            system,
            architecture=recipe.architecture(classes),
            classes=classes,
            key=key,
            training={
                **settings.model_dump(mode="json"),
                **outcome,
                "images": len(pairs),
                "parameters": parameter_count(system),
            },
        )
        checkpoints.clear()
    return card


def _give_style(system: System, style: bytes, task: str) -> None:
    if not isinstance(system, FastStyle):
        raise UserError(f"{task!r} does not learn one style: leave --style out")
    try:
        system.take_style(as_image(style))
    except DecodeError as error:
        raise UserError(f"the style cannot be read: {error}") from error


def parameter_count(system: System) -> int:
    """Numbers that a system learns or has learnt."""
    return sum(parameter.numel() for parameter in system.parameters())
