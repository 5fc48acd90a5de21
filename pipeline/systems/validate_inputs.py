"""What a system is asked with, against what it needs: nothing is missing, nothing is ignored."""

from __future__ import annotations

from collections.abc import Sequence

from tag2mask.models.generation import GeneratingSystem
from tag2mask.models.transformation import TransformingSystem
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.systems.loading import read_sentence


def check_generation(
    system: GeneratingSystem,
    model: str,
    *,
    tags: Sequence[str],
    like: str | None,
    sentence: str | None,
) -> None:
    """Checks what new images are to show.

    See :func:`tag2mask.pipeline.systems.apply.generate_images`.


    Raises:
        UserError: If the system lacks what it needs, or is given what it does not read.
    """
    if tags and "tags" not in system.needs:
        raise UserError(f"{model} is told no classes: leave --tags out")
    if like is not None and not system.needs:
        raise UserError(f"{model} makes images of noise alone: leave --like out")
    if sentence is not None:
        read_sentence(system, sentence)  # here, and not after the engine has started
        if tags or like is not None:
            raise UserError("the sentence says what is shown: leave --tags and --like out")
        return
    given = [name for name in system.needs if name != "tags"]
    if given and like is None:
        raise UserError(f"{model} needs the {' and '.join(given)} of a dataset: name one by --like")


def check_transformation(
    system: TransformingSystem,
    model: str,
    *,
    is_dataset: bool,
    masks: str | None,
    style: str | None,
    tags: Sequence[str],
) -> None:
    """Checks what images come with.

    See :func:`tag2mask.pipeline.systems.apply.transform_images`.


    Args:
        system: The system.
        model: Its URI.
        is_dataset: Whether the images come from a mask dataset, with masks and tags.
        masks: Folder of masks.
        style: File of an image.
        tags: Names of classes.

    Raises:
        UserError: If the system lacks what it needs, or is given what it does not read.
    """
    needs = set(system.needs)
    if is_dataset and "next" in needs:
        raise UserError(
            f"{model} needs frames, which follow each other by their names: name a folder of "
            f"them, not a dataset"
        )
    if "style" in needs and style is None:
        raise UserError(f"{model} needs an image whose style it takes: name one by --style")
    if "style" not in needs and style is not None:
        raise UserError(f"{model} takes the style of no other image: leave --style out")
    if "tags" in needs and not (tags or is_dataset):
        raise UserError(f"{model} needs to know which classes are meant: name them by --tags")
    if "tags" not in needs and tags:
        raise UserError(f"{model} is told no classes: leave --tags out")
    if masks is not None:
        _check_masks(needs, model, is_dataset)
    elif {"image", "mask"} <= needs and not is_dataset:
        raise UserError(f"{model} needs a mask of every image: name their folder by --masks")


def _check_masks(needs: set[str], model: str, is_dataset: bool) -> None:
    if "mask" not in needs:
        raise UserError(f"{model} looks at no masks: leave --masks out")
    if is_dataset:
        raise UserError("a dataset has masks of its own: leave --masks out")
    if "image" not in needs:
        raise UserError(
            f"{model} makes images of masks alone: name their folder as the images, and leave "
            f"--masks out"
        )
