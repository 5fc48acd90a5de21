"""The base of all export formats, which take samples one by one and write files."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, ClassVar

import numpy as np

from tag2mask.pipeline.formats.export_settings import ExportSettings, Shapes
from tag2mask.pipeline.formats.objects import Box, Objects, boxes, find_objects
from tag2mask.pipeline.formats.polygons import PolygonLoss, region_polygons
from tag2mask.pipeline.formats.splits import TRAIN
from tag2mask.pipeline.records import IGNORE, ClassTable, Row, decode_mask
from tag2mask.pipeline.records.object_confidence import class_confidences, object_confidence

ALL_KEPT = (
    "every pixel is kept: the exported images and masks, with their ignored pixels, can be rebuilt "
    "exactly"
)

_PNG = b"\x89PNG"
ID_DIGITS = 12
_NAME = re.compile(rf".+-([0-9a-f]{{{ID_DIGITS}}})")


@dataclass(frozen=True)
class ExportSample:
    """One row of a dataset, ready to be written.

    Args:
        id: Id of the row, 64 hexadecimal digits.
        name: Name of its files, without an ending, safe on any file system and in lists.
        image: The bytes of its JPEG or PNG.
        ending: Ending of the image's file, ``.jpg`` or ``.png``.
        mask: (H, W) uint8: 0 background, 1 to K classes, 255 ignore.
        tags: Pixel values of its tags, sorted.
        confidence: Confidence of the object of each class that the mask shows.
        object_confidence: The least confidence of its tags; 0 if the mask lacks one.
        mask_confidence: Mean probability of all labeled pixels, background included.
        source: The round that made the mask, or ``human``.
        split: Name of its split.
    """

    id: str
    name: str
    image: bytes
    ending: str
    mask: np.ndarray
    tags: tuple[int, ...]
    confidence: Mapping[int, float]
    object_confidence: float
    mask_confidence: float
    source: str
    split: str = TRAIN

    @property
    def file(self) -> str:
        """The name of its image's file."""
        return f"{self.name}{self.ending}"

    @property
    def ignored(self) -> np.ndarray:
        """(H, W) bool, the pixels of which nothing is known."""
        found: np.ndarray = self.mask == IGNORE
        return found


def sample_of(row: Row, name: str, split: str = TRAIN) -> ExportSample:
    """A row of a dataset as a sample."""
    image = row["image"]["bytes"]
    confidence = class_confidences(row)
    return ExportSample(
        id=row["id"],
        name=name,
        image=image,
        ending=".png" if image.startswith(_PNG) else ".jpg",
        mask=decode_mask(row["mask"]["bytes"]),
        tags=tuple(row["tags"]),
        confidence={value: confidence[value] for value in row["classes"]},
        object_confidence=object_confidence(row),
        mask_confidence=row["mask_confidence"],
        source=row["source"],
        split=split,
    )


def plain_name(row: Row) -> str:
    """The stem of the image's path, with ``_`` for characters that break lists or file systems."""
    stem = PurePosixPath(row["image"]["path"]).stem
    return re.sub(r"[^\w.-]+", "_", stem)[:100].lstrip(".-") or "image"


def full_name(row: Row) -> str:
    """The plain name and the first digits of the id, which no two rows share in practice."""
    return f"{plain_name(row)}-{row['id'][:ID_DIGITS]}"


def id_prefix(name: str) -> str | None:
    """The first digits of the id in a name that :func:`full_name` made; None in others."""
    found = _NAME.fullmatch(name)
    return found[1] if found else None


class Exporter(ABC):
    """A writer of samples into an empty folder, in the memory of one sample.

    Args:
        folder: A local folder that exists and is empty.
        classes: The classes of the masks.
        settings: Settings of the objects and splits.

    Attributes:
        splits: Number of images of each split.
        objects: Number of objects; stays 0 in formats without objects.
        dropped: Number of components that were too small to be objects.
    """

    # The share of the images in the split val, if no other is asked for.
    val_share: ClassVar[float] = 0.0
    # How outlines of objects are written, if nothing else is asked for.
    shapes: ClassVar[Shapes] = "rle"
    # Whether every name holds digits of the image's id, for masks that a label tool sends back.
    names_hold_ids: ClassVar[bool] = False
    # Where the pixels of dropped components are; None in formats without objects.
    dropped_pixels_are: ClassVar[str | None] = None

    def __init__(self, folder: Path, classes: ClassTable, settings: ExportSettings) -> None:
        self.folder = folder
        self.classes = classes
        self.settings = settings
        self.splits: Counter[str] = Counter()
        self.objects = 0
        self.dropped = 0
        self._pixels = self._object_pixels = self._dropped_pixels = self._ignored_pixels = 0
        self._loss = PolygonLoss(classes)
        self._files = ExitStack()

    @staticmethod
    @abstractmethod
    def image_folder(split: str) -> str:
        """Where the images of a split go, relative to the folder."""

    @abstractmethod
    def write(self, sample: ExportSample) -> None:
        """Write one sample; its name is new."""

    @abstractmethod
    def finish(self) -> str:
        """Write the files that need all samples.

        Returns:
            A sentence about the losses of the format for these samples.
        """

    def add(self, sample: ExportSample) -> None:
        """Write one sample and count it."""
        self.splits[sample.split] += 1
        self._pixels += sample.mask.size
        self._ignored_pixels += int(sample.ignored.sum())
        self.write(sample)

    def close(self) -> None:
        """Close the files, whether all went well or not."""
        self._files.close()

    @property
    def uses_polygons(self) -> bool:
        """Whether outlines are written as polygons."""
        return (self.settings.shapes or self.shapes) == "polygon"

    def free_name(self, row: Row, naming: Callable[[Row], str]) -> str:
        """A name that no sample has yet: the folder itself remembers those that are taken."""
        name = full_name(row) if self.names_hold_ids else naming(row)
        taken = any(
            (self.folder / self.image_folder(split) / f"{name}{ending}").exists()
            for split in self.splits
            for ending in (".jpg", ".png")
        )
        return full_name(row) if taken else name

    def write_image(self, sample: ExportSample) -> None:
        """Write the image as it is."""
        target = self.new_folder(self.image_folder(sample.split)) / sample.file
        target.write_bytes(sample.image)

    def new_folder(self, path: str) -> Path:
        """A folder inside the export's, made if it is not there."""
        target = self.folder / path
        target.mkdir(parents=True, exist_ok=True)
        return target

    def new_file(self, path: str) -> IO[str]:
        """A text file that stays open until the exporter is closed."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return self._files.enter_context(open(target, "w", encoding="utf-8", newline="\n"))

    def names(self, values: tuple[int, ...]) -> list[str]:
        """The class names of pixel values."""
        return [self.classes.name(value) for value in values]

    def metadata(self, sample: ExportSample) -> dict[str, Any]:
        """A sample without its image and mask, for formats that keep it beside them."""
        shown = tuple(sample.confidence)
        return {
            "id": sample.id,
            "tags": self.names(sample.tags),
            "classes": self.names(shown),
            "confidence": [round(sample.confidence[value], 4) for value in shown],
            "object_confidence": round(sample.object_confidence, 4),
            "mask_confidence": round(sample.mask_confidence, 4),
            "source": sample.source,
        }

    def find_objects(self, mask: np.ndarray) -> Objects:
        """The objects of a mask (H, W), counted."""
        found = find_objects(mask, self.settings.min_area, self.settings.objects)
        self.objects += len(found)
        self.dropped += found.dropped
        self._dropped_pixels += found.dropped_pixels
        self._object_pixels += int((found.labels > 0).sum())
        return found

    def outlines(self, objects: Objects) -> dict[int, list[np.ndarray]]:
        """The polygons of each object's number, compared with the objects' pixels.

        Returns:
            Corners (N, 2) float64, (x, y) in pixels, one array for each component.
        """
        found = {
            number: region_polygons(objects.labels[box] == number, box)
            for number, box in numbered_boxes(objects)
        }
        shown = objects.classes[objects.labels]
        drawn = [
            (int(objects.classes[number]), polygon)
            for number, polygons in found.items()
            for polygon in polygons
        ]
        self._loss.add(shown, drawn)
        return found

    def dropped_sentence(self) -> str | None:
        """A sentence on components that are no objects; None if there are none."""
        if not self.dropped or self.dropped_pixels_are is None:
            return None
        share = self._dropped_pixels / (self._dropped_pixels + self._object_pixels)
        return (
            f"{self.dropped:,} components under {self.settings.min_area:.3%} of their image are "
            f"no objects; their pixels, {share:.2%} of all classes' pixels, "
            f"{self.dropped_pixels_are}"
        )

    def shapes_sentence(self) -> str:
        """A sentence on outlines, in formats whose ignored pixels have no label."""
        kept = self.polygon_sentence() if self.uses_polygons else "every pixel of an object is kept"
        share = self._ignored_pixels / self._pixels
        return f"{kept}; ignored pixels, {share:.2%} of all, have no label"

    def polygon_sentence(self) -> str:
        """A sentence about the loss by polygons."""
        iou = self._loss.mean_iou()
        if iou is None:
            return "no pixel has a label"
        return f"drawn again at the pixels' centers, polygons have a mean IoU of {iou:.4f}"


def numbered_boxes(objects: Objects) -> list[tuple[int, Box]]:
    """Each object's number and box, in the order of the numbers."""
    return list(enumerate(boxes(objects.labels), start=1))
