"""The log of a running training: losses and the last sample grid, in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

from tag2mask.pipeline.tables.storage import Folder

SHEET = "samples.png"
LOSSES = "losses.json"


@dataclass(frozen=True)
class TrainingLog:
    """The folder's files ``samples.png`` and ``losses.json``, replaced at every entry.

    Args:
        uri: URI of the folder.
    """

    uri: str

    @cached_property
    def _folder(self) -> Folder:
        return Folder(self.uri)

    def write(self, step: int, losses: Mapping[str, float], rows: Tensor) -> None:
        """Adds losses and replaces the sample grid.

        Args:
            step: Number of steps that are done.
            losses: The smoothed losses by name.
            rows: The rows of the grid, (N, 3, H, W) RGB in [-1, 1].
        """
        entries = [entry for entry in self.entries() if entry["step"] < step]
        entries.append({"step": step, **losses})
        self._folder.write(LOSSES, json.dumps(entries, indent=0).encode())
        self._folder.write(SHEET, encode_png(make_grid(rows, nrow=1, padding=2, pad_value=1.0)))

    def entries(self) -> list[dict[str, float]]:
        """The losses so far, a dictionary with ``step`` for each entry."""
        try:
            return json.loads(self._folder.read(LOSSES))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return []


def encode_png(image: Tensor) -> bytes:
    """An image (3, H, W) in [-1, 1] as a PNG file."""
    buffer = BytesIO()
    Image.fromarray(to_pixels(image)).save(buffer, "PNG")
    return buffer.getvalue()


def to_pixels(image: Tensor) -> np.ndarray:
    """An image (3, H, W) in [-1, 1] as (H, W, 3) uint8."""
    values = ((image.float().clamp(-1, 1) + 1) * 127.5).round().byte()
    return values.permute(1, 2, 0).cpu().numpy()
