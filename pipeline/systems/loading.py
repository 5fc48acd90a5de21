"""Stored systems, ready for use."""

from __future__ import annotations

import torch
from torch import Tensor

from tag2mask.models.generation import GeneratingSystem
from tag2mask.models.generation.base import ReadsSentences
from tag2mask.models.system import System
from tag2mask.models.transformation import TransformingSystem
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.training.model_store import ModelCard, load_model


def load_system(uri: str) -> tuple[System, ModelCard]:
    """A stored system in evaluation mode, on the processor, and its card.

    Raises:
        UserError: If there is no system, or it is damaged.
    """
    return load_model(uri, "system")


def load_generator(uri: str) -> tuple[GeneratingSystem, ModelCard]:
    """A stored system that makes images from noise; see :func:`load_system`.

    Raises:
        UserError: Also if the system does not make images from noise.
    """
    system, card = load_system(uri)
    if not isinstance(system, GeneratingSystem):
        raise UserError(f"the system at {uri} transforms images: use `tag2mask transform`")
    return system, card


def load_transformer(uri: str) -> tuple[TransformingSystem, ModelCard]:
    """A stored system that makes images from images; see :func:`load_system`.

    Raises:
        UserError: Also if the system does not make images from images.
    """
    system, card = load_system(uri)
    if not isinstance(system, TransformingSystem):
        raise UserError(f"the system at {uri} generates images: use `tag2mask generate`")
    return system, card


def read_sentence(system: GeneratingSystem, sentence: str) -> Tensor:
    """A sentence as the word numbers (1, L) of a system.

    Raises:
        UserError: If the system reads no sentences, or cannot read this one.
    """
    if not isinstance(system, ReadsSentences):
        raise UserError("the system reads no sentences: leave --sentence out")
    try:
        return system.read([sentence])
    except ValueError as error:
        raise UserError(str(error)) from error


def choose_device(device: str | None) -> torch.device:
    """The device of a name; by default a GPU if there is one, else the processor."""
    return torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
