"""Stored models: safetensors for the weights, JSON for the description."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from tag2mask.models.factory import Architecture
from tag2mask.models.system_factory import SystemArchitecture
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import ClassTable
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.training.model_files import CARD, WEIGHTS, read_card_file


class ModelCard(BaseModel):
    """The description of a stored model: architecture, classes and provenance.

    Args:
        architecture: The name and settings to build the model from.
        classes: The class names, in the order of the pixel values.
        key: Hash of everything that the weights follow from.
        weights: SHA-256 of the weights' file.
        training: Settings, counts and scores of the training, for people.
    """

    model_config = ConfigDict(frozen=True)

    architecture: Architecture | SystemArchitecture = Field(discriminator="kind")
    classes: ClassTable
    key: str
    weights: str
    training: dict[str, Any]

    @field_validator("training")
    @classmethod
    def _read_old_count(cls, training: dict[str, Any]) -> dict[str, Any]:
        """Renames ``pictures``, the count of images in cards of earlier versions."""
        return {"images" if name == "pictures" else name: v for name, v in training.items()}


def save_model(
    uri: str,
    model: nn.Module,
    *,
    architecture: Architecture | SystemArchitecture,
    classes: ClassTable,
    key: str,
    training: dict[str, Any],
) -> ModelCard:
    """Writes weights and card; the model exists as soon as the card is written, last."""
    weights = save({name: value.contiguous() for name, value in model.state_dict().items()})
    card = ModelCard(
        architecture=architecture,
        classes=classes,
        key=key,
        weights=hashlib.sha256(weights).hexdigest(),
        training=training,
    )
    folder = Folder(uri)
    folder.write(WEIGHTS, weights)
    folder.write(CARD, (card.model_dump_json(indent=1) + "\n").encode())
    return card


def read_card(uri: str) -> ModelCard:
    """The card of a stored model.

    Raises:
        UserError: If there is no model at the URI, or its card is damaged.
    """
    try:
        return ModelCard.model_validate_json(read_card_file(uri))
    except ValidationError as error:
        raise UserError(f"the model card {uri}/{CARD} is damaged: train the model again") from error


def model_exists(uri: str, key: str | None = None) -> bool:
    """Whether a finished model with this key, or with any, is at the URI."""
    try:
        return key in (None, read_card(uri).key)
    except UserError:
        return False


def load_model(uri: str, kind: str) -> tuple[Any, ModelCard]:
    """A stored model in evaluation mode, on the processor, and its card.

    Args:
        uri: The model's folder.
        kind: The kind that the caller can use: ``tagger``, ``segmenter``, ``affinity``,
            ``regions`` or ``system``.

    Raises:
        UserError: If there is no such model, it is of another kind, or it is damaged.
    """
    card = read_card(uri)
    if card.architecture.kind != kind:
        raise UserError(f"{uri} holds a {card.architecture.kind}, not a {kind}")
    try:
        weights = Folder(uri).read(WEIGHTS)
    except FileNotFoundError as error:
        raise UserError(f"the weights {uri}/{WEIGHTS} are missing: train again") from error
    if hashlib.sha256(weights).hexdigest() != card.weights:
        raise UserError(f"the weights {uri}/{WEIGHTS} are not those of the card: train again")
    try:
        model = card.architecture.build()
    except (KeyError, ValueError) as error:
        raise UserError(
            f"the model card {uri}/{CARD} names an unknown architecture or setting: {error}"
        ) from error
    try:
        model.load_state_dict(_with_current_names(load(weights)))
    except (SafetensorError, RuntimeError) as error:
        raise UserError(
            f"the weights {uri}/{WEIGHTS} cannot be loaded into the model of {CARD}: train again"
        ) from error
    for weight in model.parameters():
        if weight.dim() == 4:  # weights of videos and voxels, of rank 5, have no such layout
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return model.eval(), card


# Parts of weight names in models of earlier versions, and their names today.
_OLD_PARTS = {"trunk": "backbone", "colours": "colors", "pictures": "images"}


def _with_current_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights under the names of today's modules."""
    return {
        ".".join(_OLD_PARTS.get(part, part) for part in name.split(".")): value
        for name, value in weights.items()
    }
