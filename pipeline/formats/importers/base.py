"""The interface of all layouts of edited masks, which list masks and read them by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self

import numpy as np

from tag2mask.pipeline.records import ClassTable, decode_mask

# The masks (H, W) uint8 that were given out for the image of a name, the latest first.
GivenMasks = Callable[[str], Sequence[np.ndarray]]

# Meanings of ambiguous crowd regions: their class, or pixels to ignore.
CROWD_MEANINGS = ("class", "ignore")


@dataclass(frozen=True)
class Edited:
    """A mask as a person left it, kept as a PNG: a folder may hold thousands.

    Args:
        name: Name of its image, without an ending.
        file: File that holds it, for messages.
        png: The mask as :func:`tag2mask.pipeline.records.encode_mask` writes it.
        polygons: Whether it was drawn from polygons, which keep borders to one pixel only.
        doubtful: Descriptions of regions whose meaning cannot be told.
    """

    name: str
    file: Path
    png: bytes
    polygons: bool = False
    doubtful: tuple[str, ...] = ()

    @property
    def mask(self) -> np.ndarray:
        """(H, W) uint8: 0 background, 1 to K classes, 255 ignore."""
        return decode_mask(self.png)


def nothing_given(name: str) -> Sequence[np.ndarray]:
    """No mask, for any image."""
    return ()


class EditedMasks(Protocol):
    """Masks that a label tool has written."""

    looked_for: ClassVar[str]

    @property
    def can_ignore(self) -> bool:
        """Whether the layout names ignored pixels; masks without any may show them elsewhere."""
        ...

    @classmethod
    def open(cls, folder: Path, classes: ClassTable) -> Self | None:
        """The masks in a folder, None if it has another layout.

        Raises:
            UserError: If the layout is this one, but its index is damaged.
        """
        ...

    def names(self) -> list[tuple[str, Path]]:
        """The name of every mask and the file that holds it, without reading the masks.

        Raises:
            UserError: If a file among the masks can be none.
        """
        ...

    def masks(
        self, given: GivenMasks = nothing_given, crowds: str | None = None
    ) -> Iterator[Edited]:
        """Every mask, one after another, by name.

        Args:
            given: The masks that were given out for editing, by name.
            crowds: One of :data:`CROWD_MEANINGS`; None lets the given masks decide.

        Raises:
            UserError: If a mask cannot be read; the sentence names its file.
        """
        ...
