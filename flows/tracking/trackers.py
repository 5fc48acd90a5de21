"""The trackers by name, and how one is opened."""

from __future__ import annotations

import importlib

from tag2mask.flows.tracking.base import NO_TRACKER, Tracker
from tag2mask.pipeline.errors import UserError

# Module and class by name. The packages are extras, so a module is imported when it is asked for.
TRACKERS = {
    "tensorboard": ("tag2mask.flows.tracking.tensorboard", "TensorBoardTracker"),
    "mlflow": ("tag2mask.flows.tracking.mlflow", "MlflowTracker"),
    "wandb": ("tag2mask.flows.tracking.wandb", "WandbTracker"),
}


def open_tracker(track: str | None, out: str) -> Tracker:
    """The tracker of a run.

    Args:
        track: A name of :data:`TRACKERS`, alone or followed by a colon and a place: a folder of
            TensorBoard, a tracking URI of MLflow, a project of Weights & Biases. None for none.
        out: The run's folder, by which a later command finds the tracker's run again.

    Raises:
        UserError: If the name is unknown, its package is not installed, or it cannot be opened,
            such as a server that does not answer.
    """
    if track is None:
        return NO_TRACKER
    name, _, place = track.partition(":")
    if name not in TRACKERS:
        raise UserError(f"unknown tracker {name!r}: choose one of {', '.join(TRACKERS)}")
    module, kind = TRACKERS[name]
    try:
        build = getattr(importlib.import_module(module), kind)
    except ModuleNotFoundError as error:
        raise UserError(
            f"the tracker {name} needs the package {error.name}, which is not installed: "
            f"run pip install 'tag2mask[{name}]'"
        ) from error
    try:
        tracker: Tracker = build(place or None, out)
    except Exception as error:
        raise UserError(f"the tracker {name} cannot be opened: {error}") from error
    return tracker
