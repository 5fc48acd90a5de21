"""The ground truth of a source; only evaluation and the supervised reference read it."""

from __future__ import annotations

from pathlib import PurePosixPath

import fsspec
import numpy as np

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import IGNORE, VOC_CLASSES, ClassTable, decode_mask
from tag2mask.pipeline.records.name_lists import name_lines

__all__ = ["GroundTruthFolder"]


class GroundTruthFolder:
    """The ground truth masks of a folder, found by the path or the stem of an image.

    Masks are 8-bit palette or gray PNGs in the subfolder ``SegmentationClass``, or in the folder
    itself if there is no such subfolder. Their classes are listed in ``classes.txt`` in the
    folder: one name a line, in the order of the pixel values from 1. A line ``background`` is
    skipped. Without the file, the classes are those of VOC. Pixel values are translated by class
    name into the run's table.

    A ground truth class that is not in the run's table becomes background. A run on some of the
    classes (``--classes``) is right there if it predicts none of its own. Ignoring such pixels
    would hide false positives exactly where they are most frequent.

    Args:
        directory: The folder, a local path or an fsspec URI.
        classes: The run's class table.

    Raises:
        UserError: If there is no mask, or a class of the run is not among the ground truth's.
    """

    def __init__(self, directory: str, classes: ClassTable) -> None:
        """Index the masks by path and stem; :meth:`mask` reads their pixels one by one."""
        self.directory = str(directory)
        self._files, root = fsspec.core.url_to_fs(self.directory)
        folder = f"{root}/SegmentationClass"
        folder = folder if self._files.isdir(folder) else root
        found = self._files.find(folder) if self._files.isdir(folder) else []
        self._by_path: dict[str, str] = {}
        self._by_stem: dict[str, list[str]] = {}
        for file in sorted(found):
            path = PurePosixPath(file)
            if path.suffix.lower() == ".png":
                key = path.relative_to(PurePosixPath(folder)).with_suffix("")
                self._by_path[str(key)] = file
                self._by_stem.setdefault(path.stem, []).append(file)
        if not self._by_path:
            raise UserError(
                f"no ground truth masks in {self.directory}: let --ground-truth name a folder "
                "that holds PNG masks or a subfolder SegmentationClass with them"
            )
        self._translation = self._translate(self._read_names(f"{root}/classes.txt"), classes)

    def __len__(self) -> int:
        """The number of ground truth masks."""
        return len(self._by_path)

    def mask(self, path: str) -> np.ndarray | None:
        """Read the ground truth mask of an image, in the run's pixel values.

        Args:
            path: The path of the image, relative to its source, with any suffix.

        Returns:
            (H, W) uint8: 0 to K and 255; None if the image has no ground truth mask.

        Raises:
            UserError: If several masks have the image's stem and none has its path, or if
                the mask is not a label map of the ground truth's classes.
        """
        file = self._find(path)
        if file is None:
            return None
        try:
            mask = decode_mask(self._files.cat_file(file))
        except (OSError, ValueError) as error:
            raise UserError(f"the ground truth mask {file} cannot be read: {error}") from error
        translated: np.ndarray = self._translation[mask]
        stray = np.unique(mask[(translated == IGNORE) & (mask != IGNORE)])
        if stray.size:
            raise UserError(
                f"the ground truth mask {file} holds the pixel values {stray.tolist()}, which have "
                f"no class: list the classes in {self.directory}/classes.txt, one name a line"
            )
        return translated

    def _find(self, path: str) -> str | None:
        image = PurePosixPath(path)
        same_path = self._by_path.get(str(image.parent / image.stem))
        if same_path:
            return same_path
        same_stem = self._by_stem.get(image.stem, [])
        if len(same_stem) > 1:
            raise UserError(
                f"{len(same_stem)} ground truth masks are named {image.stem}.png in "
                f"{self.directory}: place the one of {path} at the same path below the folder"
            )
        return same_stem[0] if same_stem else None

    def _read_names(self, file: str) -> tuple[str, ...]:
        if not self._files.exists(file):
            return VOC_CLASSES
        names = name_lines(self._files.cat_file(file).decode())
        return tuple(name for name in names if name != "background")

    def _translate(self, names: tuple[str, ...], classes: ClassTable) -> np.ndarray:
        unknown = [name for name in classes.names if name not in names]
        if unknown:
            raise UserError(
                f"the ground truth in {self.directory} does not have the classes "
                f"{', '.join(unknown)}: list its classes in a classes.txt there, one name a line, "
                "or label other classes"
            )
        table = np.full(256, IGNORE, np.uint8)
        for value, name in enumerate(("background", *names)):
            table[value] = classes.index(name) if name in classes.names else 0
        return table
