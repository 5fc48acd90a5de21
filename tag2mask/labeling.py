"""Labeling: from tagged images to a dataset of masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tag2mask.extras import named_extra
from tag2mask.pipeline.labeling.arguments import RETRAIN_SHARE, check_arguments

if TYPE_CHECKING:
    from tag2mask.flows.results import LabelResult
    from tag2mask.pipeline.labeling.recipe import Recipe


def label(
    source: str | Path,
    *,
    out: str | Path,
    classes: Sequence[str] | None = None,
    recipe: Recipe | dict[str, Any] | str | Path | None = None,
    engine: str = "auto",
    workers: int = 2,
    retrain: bool = False,
    retrain_share: float = RETRAIN_SHARE,
    source_kind: str | None = None,
    force: bool = False,
    track: str | None = None,
) -> LabelResult:
    """Labels tagged images and publishes a dataset of masks; later runs label what is new.

    A run that was interrupted continues where it stopped. The function can be called inside a
    Prefect flow of your own.

    Args:
        source: Tagged images: a folder, file or URI that every worker can read.
        out: Folder of the run, a local path or fsspec URI.
        classes: Tags to keep; None keeps those of the last version, or all.
        recipe: A recipe, any part of one as nested values, or the path of a file with any part
            of one; settings that are not given have their defaults.
        engine: ``auto``, ``local`` or ``ray``; the masks are the same.
        workers: Processes on this machine; a Ray cluster decides for itself.
        retrain: Train from scratch on the whole source instead of labeling what is new.
        retrain_share: New images for each image of the last training that start a training
            from scratch.
        source_kind: Kind of the source, such as ``folders``, ``coco`` or ``yolo``; None guesses
            it.
        force: Replace a run of another source or class list that the folder belongs to; it
            stays until the new one is finished.
        track: Experiment tracker for losses, figures and images: ``tensorboard``, ``mlflow`` or
            ``wandb``; a colon and a folder, URI or project may follow.

    Returns:
        Paths and figures; ``str`` of it is the summary that the command line prints.

    Raises:
        UserError: If the source, a class, a setting, the engine or the folder is wrong, or the
            folder belongs to a run of another source or class list.

    Example:
        >>> result = tag2mask.label("photos", out="run", recipe="recipe.json", engine="local")
        >>> result.published
        24
        >>> sorted(result.models)
        ['enhanced', 'initial', 'powerful', 'tagger']
        >>> result.dataset.endswith("run/dataset")
        True
    """
    names = None if classes is None else list(classes)
    check_arguments(str(source), str(out), names, engine, workers, source_kind, force)
    # Imported late: a wrong argument is reported at once.
    with named_extra("tag2mask.label"):
        from tag2mask.flows.label import label as label_flow
        from tag2mask.recipes import to_recipe

    return label_flow(
        str(source),
        str(out),
        to_recipe(recipe),
        names,
        engine,
        workers,
        retrain,
        retrain_share,
        source_kind,
        force,
        track,
    )
