"""Trains a system on a mask dataset and stores it, or finds it done."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tag2mask.models.system import System
from tag2mask.models.transformation.fast_style import FastStyle
from tag2mask.pipeline.dataset.mask_dataset import MaskDataset
from tag2mask.pipeline.engine.base import Engine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.decoding import DecodeError
from tag2mask.pipeline.progress import Reporter
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.systems.batches import Batches, Pairs
from tag2mask.pipeline.systems.image_files import decode_image, read_image
from tag2mask.pipeline.systems.recipe import SystemRecipe
from tag2mask.pipeline.systems.training import SystemTraining
from tag2mask.pipeline.systems.training_log import LOSSES, SHEET, TrainingLog
from tag2mask.pipeline.tables.foreign_files import check_free
from tag2mask.pipeline.tables.lease import lease
from tag2mask.pipeline.tables.manifest import table_key
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.checkpoint import Checkpoints
from tag2mask.pipeline.training.model_files import CARD, WEIGHTS
from tag2mask.pipeline.training.model_store import ModelCard, model_exists, read_card, save_model

# Folder of checkpoints and of the lease, inside of the model's folder during a training.
STAGING = ".staging"


@dataclass(frozen=True)
class SystemData:
    """The images with masks that a system is trained on.

    Attributes:
        pairs: The images with masks.
        classes: The classes of the masks.
        key: Hash of everything that the weights follow from.
        view: Name of the view of the images; None for the system's own.
        style: The bytes of an image file, for a system that learns one style.
    """

    pairs: Pairs
    classes: ClassTable
    key: str
    view: str | None = None
    style: bytes | None = None

    def batches(self, system: System, recipe: SystemRecipe) -> Batches:
        """The batches of a system."""
        settings = recipe.training
        view = self.view or system.view
        return Batches(self.pairs, view, recipe.system.size, settings.batch, settings.seed)


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
        dataset: URI of the dataset.
        out: Folder of the model, the losses and the last sample grid; a training that was
            killed continues from its last checkpoint there.
        recipe: The system, the filter of rows and the schedule.
        engine: Runs the training.
        reporter: Shows the progress.
        style: URI of an image, for a system that learns one style.

    Raises:
        UserError: If there is no dataset, no row of it passes the filter, another model is
            there, another live training writes there, or the system learns no style.
    """
    return train_on_pairs(read_system_data(dataset, recipe, style), recipe, out, engine, reporter)


def read_system_data(dataset: str, recipe: SystemRecipe, style: str | None) -> SystemData:
    """The rows of a dataset that pass the recipe's filter, and a style's image.

    Raises:
        UserError: If there is no dataset, no image of the style, or no row passes.
    """
    image = None if style is None else read_image(style)
    pairs = MaskDataset(dataset, where=recipe.where)
    styles = {} if image is None else {"style": hashlib.sha256(image).hexdigest()}
    key = table_key(
        dataset=Table.open(dataset).fingerprint, recipe=recipe.model_dump(mode="json"), **styles
    )
    return SystemData(pairs, pairs.rows.classes, key, style=image)


def train_on_pairs(
    data: SystemData, recipe: SystemRecipe, out: str, engine: Engine, reporter: Reporter
) -> ModelCard:
    """Trains a system on any images with masks, or finds the model finished.

    Args:
        data: The images with masks.
        recipe: The system and the schedule; its filter of rows is not used.
        out: Folder of the model; see :func:`train_system`.
        engine: Runs the training.
        reporter: Shows the progress.

    Raises:
        UserError: See :func:`train_system`.
    """
    folder = Folder(out)
    folder.check_writable()
    _check_free(folder)
    with lease(folder, STAGING):
        if model_exists(out, data.key):
            return read_card(out)
        if model_exists(out):
            raise UserError(
                f"{out} holds a model of another recipe or dataset: choose another --out, or "
                "remove it"
            )
        system = recipe.build(data.classes)
        if data.style is not None:
            _set_style(system, data.style, recipe.task)
        checkpoints = Checkpoints(f"{folder.uri}/{STAGING}/{data.key[:12]}")
        outcome: dict[str, float] = {}
        if system.optimizer_steps():  # some systems learn nothing
            training = SystemTraining(
                system,
                data.batches(system, recipe),
                recipe.training,
                checkpoints,
                TrainingLog(folder.uri),
            )
            outcome = engine.train(training, reporter.steps(recipe.task, training.steps))
        card = save_model(
            folder.uri,
            system,
            architecture=recipe.architecture(data.classes),
            classes=data.classes,
            key=data.key,
            training={
                **recipe.training.model_dump(mode="json"),
                **outcome,
                "images": len(data.pairs),
                "parameters": count_parameters(system),
            },
        )
        checkpoints.clear()
    return card


def _check_free(folder: Folder) -> None:
    """Checks that the files of a model would replace none of somebody else.

    Raises:
        UserError: If one would.
    """
    if not model_exists(folder.uri) and STAGING not in folder.names():
        check_free(folder, (WEIGHTS, CARD, LOSSES, SHEET), ())


def _set_style(system: System, style: bytes, task: str) -> None:
    if not isinstance(system, FastStyle):
        raise UserError(f"{task!r} does not learn one style: leave --style out")
    try:
        system.take_style(decode_image(style))
    except DecodeError as error:
        raise UserError(f"the style cannot be read: {error}") from error


def count_parameters(system: System) -> int:
    """The number of parameters of a system."""
    return sum(parameter.numel() for parameter in system.parameters())
