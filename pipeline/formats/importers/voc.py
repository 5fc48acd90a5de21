"""Edited masks as a VOC tree: PNGs in SegmentationClass, colors in labelmap.txt.

A label tool, or a painting program, may renumber its palette, or write colors instead of a
palette. Its user chose the colors, so the colors decide the class: those of ``labelmap.txt`` if
there is one, else those of the VOC palette. In a gray PNG the values are numbers of lines of
``labelmap.txt``; without that file they are the classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from PIL import Image

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.formats.base import id_prefix
from tag2mask.pipeline.formats.importers.base import Edited, GivenMasks, nothing_given
from tag2mask.pipeline.formats.labelmap import (
    Color,
    LabelMap,
    class_colors,
    class_values,
    read_labelmap,
)
from tag2mask.pipeline.formats.voc import MASKS
from tag2mask.pipeline.records import BACKGROUND, IGNORE, ClassTable, encode_mask

LABELMAP = "labelmap.txt"
# Parts of a VOC tree that hold no class masks.
_OTHER_FOLDERS = ("JPEGImages", "SegmentationObject", "Annotations", "ImageSets")
_IMAGE_ENDINGS = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".psd", ".xcf"}
)
# What file managers leave in folders.
_LEFT_BEHIND = frozenset({"thumbs.db", "desktop.ini", "__macosx", "@eadir"})


class EditedVoc:
    """The PNGs of ``SegmentationClass/`` and of the folders in it.

    Args:
        folder: Folder that holds SegmentationClass.
        labels: The label map; None without one.
        classes: Classes of the run.
    """

    looked_for: ClassVar[str] = f"{MASKS}/ with PNGs"

    def __init__(self, folder: Path, labels: LabelMap | None, classes: ClassTable) -> None:
        self.folder = folder
        self.labels = labels
        self.colors: dict[Color, int | None] = (
            dict(class_colors(classes)) if labels is None else labels.colors
        )
        self.values = _gray_values(labels, classes)
        # A label map without ignored pixels leaves their color free for those who paint some.
        color = next(color for color, value in class_colors(classes).items() if value == IGNORE)
        if not self.can_ignore:
            self.colors = {color: IGNORE, **self.colors}

    @property
    def can_ignore(self) -> bool:
        """Whether the label map names ignored pixels, as all masks without one do."""
        return self.labels is None or IGNORE in self.labels.values

    @classmethod
    def open(cls, folder: Path, classes: ClassTable) -> Self | None:
        """The masks, None without a folder SegmentationClass."""
        if not (folder / MASKS).is_dir():
            return None
        file = folder / LABELMAP
        if not file.is_file():
            return cls(folder, None, classes)
        try:
            labels = read_labelmap(file.read_bytes().decode("utf-8"), classes)
        except (OSError, ValueError) as error:
            raise UserError(f"the label map {file} cannot be used: {error}") from error
        return cls(folder, labels, classes)

    def names(self) -> list[tuple[str, Path]]:
        """Every mask of SegmentationClass.

        Raises:
            UserError: If there is a file that is no PNG, or an edited mask lies elsewhere.
        """
        found = []
        for file in _files(self.folder / MASKS):
            if file.suffix.lower() != ".png":
                raise UserError(
                    f"{file} is no PNG, and masks are read from PNGs alone (others change "
                    "colors): save the mask as PNG, or move the file away"
                )
            found.append((file.stem, file))
        self._check_no_mask_elsewhere()
        return found

    def masks(
        self, given: GivenMasks = nothing_given, crowds: str | None = None
    ) -> Iterator[Edited]:
        """Every mask; a PNG says all by itself, so the given masks are not asked."""
        for name, file in self.names():
            try:
                yield Edited(name, file, encode_mask(self._read(file)))
            except (OSError, ValueError, Image.DecompressionBombError) as error:
                raise UserError(f"the mask {file} cannot be taken: {error}") from error

    def _check_no_mask_elsewhere(self) -> None:
        """Refuse images with names of the review outside the folders of a VOC tree."""
        for place in sorted(self.folder.iterdir()):
            if place.name == MASKS or place.name in _OTHER_FOLDERS:
                continue
            for file in _files(place) if place.is_dir() else [place]:
                if file.suffix.lower() in _IMAGE_ENDINGS and id_prefix(file.stem):
                    raise UserError(
                        f"{file} has the name of a mask but is not in {self.folder / MASKS}: "
                        "move it there, or away"
                    )

    def _read(self, file: Path) -> np.ndarray:
        with Image.open(file) as image:
            if image.mode not in ("L", "P", "RGB", "RGBA"):
                raise ValueError(
                    f"its pixels are neither colors nor classes (mode {image.mode}): save it as "
                    "an 8-bit PNG with a palette or RGB colors"
                )
            if image.has_transparency_data:
                _check_opaque(np.array(image.convert("RGBA"))[..., 3])
            if image.mode == "L":
                return self._of_values(np.array(image))
            return self._of_colors(np.array(image.convert("RGB")))

    def _of_values(self, mask: np.ndarray) -> np.ndarray:
        if self.labels is not None and BACKGROUND not in self.labels.values:
            raise ValueError(
                f"its gray values count the labels of {LABELMAP}, which has no background: add "
                "the label background, or save the mask in colors"
            )
        found = np.unique(mask).tolist()
        stray = [value for value in found if value not in self.values]
        if stray:
            raise ValueError(
                f"its gray values {stray[:5]} are no classes: the values are "
                f"{_listed(sorted(self.values))}"
            )
        table = np.zeros(256, np.uint8)
        for value in found:
            meaning = self.values[value]
            if meaning is None:
                assert self.labels is not None
                raise ValueError(_no_class(self.labels.names[value]))
            table[value] = meaning
        return table[mask]

    def _of_colors(self, rgb: np.ndarray) -> np.ndarray:
        packed = rgb.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
        found, index = np.unique(packed, return_inverse=True)
        triples = [(int(c) >> 16, int(c) >> 8 & 255, int(c) & 255) for c in found]
        values = []
        for color in triples:
            if color not in self.colors:
                raise ValueError(
                    f"its color {color} belongs to no class: save it with the palette that it "
                    f"came with, or name the color in {LABELMAP}"
                )
            value = self.colors[color]
            if value is None:
                assert self.labels is not None
                raise ValueError(_no_class(self.labels.name(color)))
            values.append(value)
        mask: np.ndarray = np.array(values, np.uint8)[index].reshape(packed.shape)
        return mask


def _gray_values(labels: LabelMap | None, classes: ClassTable) -> dict[int, int | None]:
    """The class of each value of a gray mask; None for a label without a class."""
    if labels is None:
        return {value: value for value in (BACKGROUND, *class_values(classes), IGNORE)}
    return {IGNORE: IGNORE, **dict(enumerate(labels.values))}


def _files(folder: Path) -> list[Path]:
    """The sorted files in a folder and below, without hidden files and files of the system."""
    return [
        file
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        and not any(
            part.startswith(".") or part.lower() in _LEFT_BEHIND
            for part in file.relative_to(folder).parts
        )
    ]


def _check_opaque(alpha: np.ndarray) -> None:
    clear = int((alpha < 255).sum())
    if clear:
        raise ValueError(
            f"{clear:,} of its {alpha.size:,} pixels ({clear / alpha.size:.1%}) are transparent, "
            "so their class cannot be told: fill them with the color of a class or of the "
            "background, and save the mask without transparency"
        )


def _no_class(label: str) -> str:
    return (
        f"its label {label!r} is no class of the run: give these pixels a class of the run, "
        "background or ignore"
    )


def _listed(values: list[int]) -> str:
    return f"{', '.join(map(str, values[:10]))}{', …' if len(values) > 10 else ''}"
