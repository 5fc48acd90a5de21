"""TensorBoard: event files in a folder, which ``tensorboard --logdir FOLDER`` shows."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from PIL import Image
from torch.utils.tensorboard import SummaryWriter


class TensorBoardTracker:
    """Writes event files.

    Args:
        place: Folder of the event files; None for ``tensorboard`` in the run's folder.
        out: The run's folder.
    """

    def __init__(self, place: str | None, out: str) -> None:
        self._writer = SummaryWriter(place or f"{out.rstrip('/')}/tensorboard")

    def log_settings(self, settings: Mapping[str, Any]) -> None:
        """Stores the settings as text."""
        text = json.dumps(settings, indent=2)
        self._writer.add_text("settings", f"```json\n{text}\n```")

    def log_scalars(self, values: Mapping[str, float], step: int) -> None:
        """Stores figures of a step."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def log_image(self, name: str, png: bytes) -> None:
        """Stores an image."""
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            pixels = np.array(image.convert("RGB"))
        self._writer.add_image(name, pixels, dataformats="HWC")

    def __enter__(self) -> Self:
        """The tracker itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Writes the rest and closes the file."""
        self._writer.close()
