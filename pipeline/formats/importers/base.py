"""What every layout of edited masks has in common: it lists masks, and reads them by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np

from tag2mask.pipeline.records import ClassTable, decode_mask


@dataclass(frozen=True)
class Edited:
    """A mask as a person left it, kept as a PNG: a folder may hold thousands.

    Args:
        name: Of its image, without an ending.
        file: Where it stands, for messages.
        png: As :func:`tag2mask.pipeline.records.encode_mask` writes it.
    """

    name: str
    file: Path
    png: bytes

    @property
    def mask(self) -> np.ndarray:
        """(H, W) uint8: 0 background, 1 to K classes, 255 ignore."""
        return decode_mask(self.png)


class EditedMasks(Protocol):
    """Masks that a label tool has written."""

    looked_for: ClassVar[str]

    @classmethod
    def open(cls, folder: Path, classes: ClassTable) -> Self | None:
        """The masks in a folder, None if it has another layout.

        Raises:
            UserError: If the layout is this one, but what says it all is damaged.
        """
        ...

    def masks(self) -> Iterator[Edited]:
        """Every mask, one after another, by name.

        Raises:
            UserError: If one cannot be read; the sentence names its file.
        """
        ...
