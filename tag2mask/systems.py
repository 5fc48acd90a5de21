"""Systems on a dataset of masks: training, generating, transforming."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tag2mask.flows.generate import generate as generate_flow
from tag2mask.flows.results import GenerateResult, TrainResult, TransformResult
from tag2mask.flows.train import train as train_flow
from tag2mask.flows.transform import transform as transform_flow
from tag2mask.pipeline.systems.recipe import SystemRecipe
from tag2mask.recipes import to_system_recipe


def train(
    system: str,
    dataset: str | Path,
    *,
    out: str | Path,
    recipe: SystemRecipe | dict[str, Any] | str | Path | None = None,
    style: str | Path | None = None,
    engine: str = "auto",
    track: str | None = None,
) -> TrainResult:
    """Trains a system that generates or transforms images on a dataset of masks.

    Args:
        system: Name of the system, such as ``dcgan`` or ``mask_to_photo``.
        dataset: A published dataset of masks, a local path or fsspec URI.
        out: Folder of the model, a local path or fsspec URI.
        recipe: A system's recipe, any part of one as nested values, or the path of a file with
            any part of one; settings that are not given have their defaults.
        style: Image whose style is learned, for ``fast_style``.
        engine: ``auto``, ``local`` or ``ray``.
        track: Experiment tracker for losses and samples: ``tensorboard``, ``mlflow`` or
            ``wandb``; a colon and a folder, URI or project may follow.

    Raises:
        UserError: If there is no such system or dataset, or a setting is wrong.

    Example:
        >>> tiny = {"system": {"size": 32, "width": 4}, "training": {"steps": 2, "batch": 4}}
        >>> trained = tag2mask.train(
        ...     "dcgan", "run/dataset", out="dcgan", recipe=tiny, engine="local"
        ... )
        >>> trained.system, trained.steps
        ('dcgan', 2)
    """
    look = None if style is None else str(style)
    return train_flow(
        system, str(dataset), str(out), to_system_recipe(system, recipe), look, engine, track
    )


def generate(
    model: str | Path,
    *,
    out: str | Path,
    count: int = 64,
    seed: int = 0,
    tags: Sequence[str] | None = None,
    like: str | Path | None = None,
    sentence: str | None = None,
    engine: str = "auto",
    workers: int = 2,
) -> GenerateResult:
    """Generates images with a trained system.

    Args:
        model: Folder of a generating system, a local path or fsspec URI.
        out: Folder of the images and their table, a local path or fsspec URI.
        count: Number of images.
        seed: Seed of the noise.
        tags: Classes that every image shows; by default they take turns.
        like: A dataset of masks, for a system that is given masks or images.
        sentence: Description of the images, for a system that reads sentences.
        engine: ``auto``, ``local`` or ``ray``; the images are the same.
        workers: Processes on this machine; a Ray cluster decides for itself.

    Raises:
        UserError: If there is no such model, or it cannot use what it is given.

    Example:
        >>> made = tag2mask.generate("dcgan", out="new", count=3, engine="local")
        >>> made.images, made.failed
        (3, ())
    """
    names = None if tags is None else list(tags)
    masks = None if like is None else str(like)
    return generate_flow(str(model), str(out), count, seed, names, masks, sentence, engine, workers)


def transform(
    model: str | Path,
    images: str | Path,
    *,
    out: str | Path,
    masks: str | Path | None = None,
    style: str | Path | None = None,
    size: int | None = None,
    tags: Sequence[str] | None = None,
    engine: str = "auto",
    workers: int = 2,
) -> TransformResult:
    """Transforms images with a trained system.

    Args:
        model: Folder of a transforming system, a local path or fsspec URI.
        images: A folder of images (of masks, for a system that needs nothing else), or a
            dataset of masks.
        out: Folder of the images and their table, a local path or fsspec URI.
        masks: Folder of masks with the same stems, for a system that needs both.
        style: Image whose style is taken, for a system that needs one.
        size: Longer side to which images are resized, in pixels.
        tags: Classes to use, for a system that is given classes.
        engine: ``auto``, ``local`` or ``ray``; the images are the same.
        workers: Processes on this machine; a Ray cluster decides for itself.

    Raises:
        UserError: If there is no such model, or it cannot use what it is given.

    Example:
        >>> tiny = {"system": {"size": 32, "width": 4}, "training": {"steps": 2, "batch": 4}}
        >>> _ = tag2mask.train(
        ...     "mask_to_photo", "run/dataset", out="painter", recipe=tiny, engine="local"
        ... )
        >>> made = tag2mask.transform("painter", "run/dataset", out="painted", engine="local")
        >>> made.images == len(tag2mask.open_table("run/dataset"))
        True
    """
    names = None if tags is None else list(tags)
    given = None if masks is None else str(masks)
    look = None if style is None else str(style)
    return transform_flow(
        str(model), str(images), str(out), given, look, size, names, engine, workers
    )
