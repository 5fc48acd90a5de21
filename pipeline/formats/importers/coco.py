"""Edited masks as COCO instances: regions as run lengths or polygons, by category names.

Where regions overlap, the smaller one is in front. Pixels without a region are background. The
export writes ignored pixels as crowd regions of the image's tags. Label tools drop that mark, or
set it on every region that was painted with a brush. So a region is ignored pixels if it covers
the ignored pixels of the published mask, and then it is behind all others. Any other region has
the class of its category.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from pydantic import BaseModel, Field, ValidationError
from scipy import ndimage
from skimage.draw import polygon as filled

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.formats.importers.base import Edited, GivenMasks, nothing_given
from tag2mask.pipeline.formats.importers.near import CONNECTED, within_one_pixel
from tag2mask.pipeline.formats.labelmap import label_value
from tag2mask.pipeline.formats.rle import decode
from tag2mask.pipeline.records import IGNORE, ClassTable, encode_mask

ANNOTATIONS = "annotations"
# Documents of Label Studio and Roboflow.
_OTHER_FILES = ("result.json", "_annotations.coco.json")
Entry = TypeVar("Entry", bound=BaseModel)


class _Image(BaseModel):
    id: int
    file_name: str
    height: int = Field(gt=0)
    width: int = Field(gt=0)


class _Category(BaseModel):
    id: int
    name: str


class _Annotation(BaseModel):
    id: int | str | None = None
    image_id: int
    category_id: int
    segmentation: Any = None
    iscrowd: int = 0

    @property
    def title(self) -> str:
        """The annotation as messages call it."""
        return "an annotation" if self.id is None else f"annotation {self.id}"


@dataclass(frozen=True)
class _Region:
    annotation: _Annotation
    pixels: np.ndarray
    polygons: bool


class EditedCoco:
    """The images of one JSON file of instances.

    Args:
        file: The document.
        document: Its content.
        classes: Classes of the run.

    Raises:
        UserError: If entries are damaged, share an id or belong to nothing.
    """

    looked_for: ClassVar[str] = f"{ANNOTATIONS}/instances_*.json, {', '.join(_OTHER_FILES)}"

    def __init__(self, file: Path, document: Any, classes: ClassTable) -> None:  # noqa: ANN401
        self.file = file
        self.images = _entries(file, document, "images", _Image)
        self.regions: dict[int, list[_Annotation]] = defaultdict(list)
        annotations = _entries(file, document, "annotations", _Annotation)
        for annotation in annotations:
            self.regions[annotation.image_id].append(annotation)
        categories = _entries(file, document, "categories", _Category)
        self._check_ids(categories)
        used = {annotation.category_id for annotation in annotations}
        self.values: dict[int, int] = {}
        for category in categories:
            value = label_value(category.name, classes)
            if value is not None:
                self.values[category.id] = value
            elif category.id in used:
                raise UserError(
                    f"the category {category.name!r} of {file} is no class of the run, which "
                    f"knows {', '.join(classes.names)}"
                )

    @property
    def can_ignore(self) -> bool:
        """Whether a category names ignored pixels."""
        return IGNORE in self.values.values()

    @classmethod
    def open(cls, folder: Path, classes: ClassTable) -> Self | None:
        """The masks, None without a JSON file of instances."""
        files = sorted((folder / ANNOTATIONS).glob("instances_*.json"))
        files = files or [folder / name for name in _OTHER_FILES if (folder / name).is_file()]
        if not files:
            return None
        if len(files) > 1:
            raise UserError(
                f"{folder} holds {len(files)} files of instances: leave the one that was edited"
            )
        try:
            document = json.loads(files[0].read_text(encoding="utf-8-sig"))
        except ValueError as error:
            raise UserError(f"{files[0]} is no JSON: {error}") from error
        return cls(files[0], document, classes)

    def names(self) -> list[tuple[str, Path]]:
        """Every image, those without annotations too."""
        return [(_name(image), self.file) for image in self._sorted()]

    def masks(
        self, given: GivenMasks = nothing_given, crowds: str | None = None
    ) -> Iterator[Edited]:
        """Every image, those without annotations too."""
        for image in self._sorted():
            yield self._edited(image, given(_name(image)), crowds)

    def _edited(self, image: _Image, given: Sequence[np.ndarray], crowds: str | None) -> Edited:
        regions = [self._region(annotation, image) for annotation in self.regions[image.id]]
        ignored = _ignored_pixels(image, given, regions)
        behind, front, doubtful = [], [], []
        for region in regions:
            value = self.values[region.annotation.category_id]
            if ignored.is_shown_by(region):
                behind.append((IGNORE, region.pixels))
            elif not (region.annotation.iscrowd and _may_be_ignored(region, ignored.pixels)):
                front.append((value, region.pixels))
            elif crowds is None:
                doubtful.append(f"{region.annotation.title} of {image.file_name}")
            else:
                front.append((IGNORE if crowds == "ignore" else value, region.pixels))
        front.sort(key=lambda pair: -int(pair[1].sum()))
        mask = np.zeros((image.height, image.width), np.uint8)
        for value, pixels in (*behind, *front):
            mask[pixels] = value
        polygons = any(region.polygons for region in regions)
        return Edited(_name(image), self.file, encode_mask(mask), polygons, tuple(doubtful))

    def _region(self, annotation: _Annotation, image: _Image) -> _Region:
        try:
            if annotation.category_id not in self.values:
                raise ValueError(
                    f"has the category {annotation.category_id}, which the file does not list"
                )
            pixels = _pixels(annotation.segmentation, image.height, image.width)
        except ValueError as error:
            raise UserError(
                f"{annotation.title} of {image.file_name} in {self.file} {error}"
            ) from error
        return _Region(annotation, pixels, not isinstance(annotation.segmentation, dict))

    def _sorted(self) -> list[_Image]:
        return sorted(self.images, key=lambda image: image.file_name)

    def _check_ids(self, categories: list[_Category]) -> None:
        images: dict[int, str] = {}
        for image in self.images:
            if image.id in images:
                raise UserError(
                    f"two images of {self.file} have the id {image.id}: {images[image.id]} and "
                    f"{image.file_name}; give each image an id of its own"
                )
            images[image.id] = image.file_name
        names: dict[int, str] = {}
        for category in categories:
            if names.setdefault(category.id, category.name) != category.name:
                raise UserError(
                    f"two categories of {self.file} have the id {category.id}: "
                    f"{names[category.id]!r} and {category.name!r}; give each an id of its own"
                )
        lost = [one for key, found in self.regions.items() if key not in images for one in found]
        if lost:
            raise UserError(
                f"{len(lost):,} annotations of {self.file} belong to images that it does not "
                f"list (the first: {lost[0].title}, image_id {lost[0].image_id}): list the "
                "images, or delete these annotations"
            )


def _name(image: _Image) -> str:
    return PurePosixPath(image.file_name.replace("\\", "/")).stem


def _entries(
    file: Path,
    document: Any,  # noqa: ANN401
    key: str,
    entry: type[Entry],
) -> list[Entry]:
    """The entries of one list of a document.

    Raises:
        UserError: If the list is missing or an entry lacks a value; the sentence names it.
    """
    values = document.get(key) if isinstance(document, dict) else None
    if not isinstance(values, list):
        raise UserError(
            f"{file} is no COCO file: it has no list {key!r}, and needs images, annotations and "
            "categories"
        )
    found = []
    for number, value in enumerate(values, start=1):
        try:
            found.append(entry.model_validate(value))
        except ValidationError as error:
            first = error.errors()[0]
            field = first["loc"][0] if first["loc"] else "its text"
            given = value.get(field) if isinstance(value, dict) else value
            fault = "is missing" if first["type"] == "missing" else f"cannot be {given!r:.60}"
            known = value.get("file_name") or value.get("id") if isinstance(value, dict) else None
            title = f"number {number}" + ("" if known is None else f" ({known})")
            raise UserError(
                f"{file} is no COCO file: in entry {title} of {key!r}, {field} {fault}"
            ) from error
    return found


class _Ignored:
    """The ignored pixels of a given mask, with their connected pieces."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels
        self._pieces, self._count = ndimage.label(pixels, CONNECTED)

    def is_shown_by(self, region: _Region) -> bool:
        """Whether a region covers exactly those pieces that it mostly covers.

        Polygons cover them up to one pixel along their borders, and may lack their holes.
        """
        if not (region.pixels & self.pixels).any():
            return False
        covered = ndimage.mean(region.pixels, self._pieces, np.arange(1, self._count + 1))
        expected = np.isin(self._pieces, 1 + np.flatnonzero(np.atleast_1d(covered) >= 0.5))
        if not region.polygons:
            return np.array_equal(expected, region.pixels)
        shapes = (expected, ndimage.binary_fill_holes(expected))
        return any(shape.any() and within_one_pixel(shape, region.pixels) for shape in shapes)


def _ignored_pixels(
    image: _Image, given: Sequence[np.ndarray], regions: Sequence[_Region]
) -> _Ignored:
    """The ignored pixels of that given mask which explains most of the regions."""
    # Masks of other sizes are refused by those who know the image.
    fitting = [mask == IGNORE for mask in given if mask.shape == (image.height, image.width)]
    found = [_Ignored(pixels) for pixels in fitting]
    if len(found) < 2:
        return found[0] if found else _Ignored(np.zeros((image.height, image.width), bool))
    return max(found, key=lambda ignored: sum(map(ignored.is_shown_by, regions)))


def _may_be_ignored(region: _Region, ignored: np.ndarray) -> bool:
    """Whether most of a region was ignored: an edited ignored piece, or a new object there."""
    return 2 * int((region.pixels & ignored).sum()) > int(region.pixels.sum())


def _pixels(segmentation: Any, height: int, width: int) -> np.ndarray:  # noqa: ANN401
    """A region as (H, W) bool.

    Raises:
        ValueError: If it is none; the text continues a sentence about its annotation.
    """
    if isinstance(segmentation, dict):
        return _decoded(segmentation, height, width)
    if not isinstance(segmentation, list) or not any(segmentation):
        raise ValueError(
            "has no region in its segmentation (a box alone is none): outline the object, or "
            "delete the annotation"
        )
    parts = segmentation if isinstance(segmentation[0], list) else [segmentation]
    region = np.zeros((height, width), bool)
    for numbers in parts:
        corners = _corners(numbers, height, width) - 0.5  # to where centers have whole numbers
        region[filled(corners[:, 1], corners[:, 0], region.shape)] = True
    return region


def _decoded(segmentation: dict[str, Any], height: int, width: int) -> np.ndarray:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if not isinstance(size, list) or [height, width] != size:
        raise ValueError(f"has a region of size {size} in an image of {[height, width]}")
    if not isinstance(counts, str) and not (
        isinstance(counts, list) and all(isinstance(count, int) for count in counts)
    ):
        raise ValueError("has no counts in its run lengths")
    try:
        region = decode(counts, height, width)
    except ValueError as error:
        raise ValueError(f"cannot be drawn: {error}") from error
    if not region.any():
        raise ValueError("covers no pixel: paint the object, or delete the annotation")
    return region


def _corners(numbers: Any, height: int, width: int) -> np.ndarray:  # noqa: ANN401
    """The corners (N, 2) of a polygon, as x and y."""
    if not isinstance(numbers, list) or len(numbers) < 6 or len(numbers) % 2:
        raise ValueError("has a polygon that is no list of pairs of numbers, three at least")
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise ValueError(f"has a polygon with {number!r:.40}, which is no number")
        if not math.isfinite(number):
            raise ValueError(f"has a polygon with the coordinate {number}: draw it again")
    corners = np.array(numbers, float).reshape(-1, 2)
    # Tools let outlines pass the border, but not by more than an image.
    size = np.array([width, height])
    if (corners < -size).any() or (corners > 2 * size).any():
        far = corners[((corners < -size) | (corners > 2 * size)).any(axis=1)][0]
        raise ValueError(
            f"has a polygon with the corner ({far[0]:g}, {far[1]:g}), far outside of the "
            f"{width}x{height} pixels of its image: draw it again"
        )
    if (corners.max(axis=0) <= 0).any() or (corners.min(axis=0) >= size).any():
        raise ValueError("has a polygon outside of its image: draw it again")
    return corners
