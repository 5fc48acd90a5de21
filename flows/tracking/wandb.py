"""Weights & Biases: one run of a project for each folder."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from typing import Any, Self

import wandb
from PIL import Image

PROJECT = "tag2mask"


class WandbTracker:
    """Writes to Weights & Biases, or to the folder of its offline mode (WANDB_MODE=offline).

    The same folder continues the same run, as the same command continues a labeling run.

    Args:
        place: Name of the project; None for ``tag2mask``.
        out: The run's folder.
    """

    def __init__(self, place: str | None, out: str) -> None:
        folder = out.rstrip("/")
        self._run = wandb.init(
            project=place or PROJECT,
            name=folder,
            id=hashlib.sha256(folder.encode()).hexdigest()[:12],
            resume="allow",
            reinit="create_new",  # a flow of the user may have a run of its own
            # It would replace sys.stdout, and the live bars of a terminal with it.
            settings=wandb.Settings(console="off"),
        )

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        """Stores the settings as the run's configuration."""
        self._run.config.update(dict(settings), allow_val_change=True)

    def log_scalars(self, values: Mapping[str, float], step: int) -> None:
        """Stores figures of a step.

        W&B's own step only grows, and each training begins at its first step again. So every
        training has an axis of its own, named ``NAME/step``.
        """
        axes = {name.rpartition("/")[0] for name in values}
        for axis in sorted(axes - {""}):
            self._run.define_metric(f"{axis}/*", step_metric=f"{axis}/step")
        self._run.log({**values, **{f"{axis}/step": step for axis in axes if axis}})

    def log_image(self, name: str, png: bytes) -> None:
        """Stores an image."""
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            self._run.log({name: wandb.Image(image.convert("RGB"))})

    def __enter__(self) -> Self:
        """The tracker itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends the run, as failed after an exception."""
        self._run.finish(exit_code=1 if error and error[0] else 0)
