"""Edited masks as a VOC tree: PNGs in SegmentationClass, colors in labelmap.txt.

A label tool, or a painting program, may number its palette again or write colors instead of a
palette; what its user saw are the colors. So colors say the class: those of ``labelmap.txt``
where there is one, else those of the VOC palette. In a gray PNG the values are the classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from PIL import Image

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.formats.importers.base import Edited
from tag2mask.pipeline.formats.labelmap import Color, class_colors, class_values, read_labelmap
from tag2mask.pipeline.formats.voc import MASKS
from tag2mask.pipeline.records import BACKGROUND, IGNORE, ClassTable, encode_mask

LABELMAP = "labelmap.txt"
_NONE = -1


class EditedVoc:
    """The PNGs of ``SegmentationClass/``.

    Args:
        folder: That holds it.
        colors: The pixel value of each color.
        classes: Of the run.
    """

    looked_for: ClassVar[str] = f"{MASKS}/ with PNGs"

    def __init__(self, folder: Path, colors: dict[Color, int], classes: ClassTable) -> None:
        self.folder = folder
        self.colors = colors
        self.values = {BACKGROUND, *class_values(classes), IGNORE}

    @classmethod
    def open(cls, folder: Path, classes: ClassTable) -> Self | None:
        """The masks, None without a folder SegmentationClass."""
        if not (folder / MASKS).is_dir():
            return None
        labels = folder / LABELMAP
        if not labels.is_file():
            return cls(folder, class_colors(classes), classes)
        try:
            colors = read_labelmap(labels.read_text(encoding="utf-8"), classes)
        except (OSError, ValueError) as error:
            raise UserError(f"the label map {labels} cannot be used: {error}") from error
        return cls(folder, colors, classes)

    def masks(self) -> Iterator[Edited]:
        """Every PNG."""
        for file in sorted((self.folder / MASKS).glob("*.png")):
            try:
                yield Edited(file.stem, file, encode_mask(self._read(file)))
            except (OSError, ValueError, Image.DecompressionBombError) as error:
                raise UserError(f"the mask {file} cannot be taken: {error}") from error

    def _read(self, file: Path) -> np.ndarray:
        with Image.open(file) as picture:
            if picture.mode == "L":
                return self._of_values(np.array(picture))
            if picture.mode not in ("P", "RGB", "RGBA"):
                raise ValueError(f"its pixels are neither colors nor classes ({picture.mode})")
            return self._of_colors(np.array(picture.convert("RGB")))

    def _of_values(self, mask: np.ndarray) -> np.ndarray:
        stray = sorted({*np.unique(mask).tolist()} - self.values)
        if stray:
            raise ValueError(f"its gray values {stray[:5]} are no classes")
        return mask

    def _of_colors(self, rgb: np.ndarray) -> np.ndarray:
        packed = rgb.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
        found, index = np.unique(packed, return_inverse=True)
        triples = [(int(c) >> 16, int(c) >> 8 & 255, int(c) & 255) for c in found]
        values = [self.colors.get(color, _NONE) for color in triples]
        if _NONE in values:
            color = triples[values.index(_NONE)]
            raise ValueError(
                f"its color {color} belongs to no class: save it with the palette that it came "
                f"with, or name the color in {LABELMAP}"
            )
        mask: np.ndarray = np.array(values, np.uint8)[index].reshape(packed.shape)
        return mask
