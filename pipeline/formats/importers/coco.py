"""Edited masks as COCO instances: regions as run lengths or polygons, by category names.

Where regions overlap, the smaller one is taken to lie in front. Crowd regions are ignored
pixels, as the export writes them; what no region covers is background.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import ClassVar, Self

import numpy as np
from pydantic import BaseModel, Field, ValidationError
from skimage.draw import polygon as filled

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.formats.importers.base import Edited
from tag2mask.pipeline.formats.rle import decode
from tag2mask.pipeline.records import IGNORE, ClassTable, encode_mask

ANNOTATIONS = "annotations"


class _Runs(BaseModel):
    counts: str | list[int]
    size: tuple[int, int]


class _Image(BaseModel):
    id: int
    file_name: str
    height: int = Field(gt=0)
    width: int = Field(gt=0)


class _Category(BaseModel):
    id: int
    name: str


class _Annotation(BaseModel):
    image_id: int
    category_id: int
    segmentation: _Runs | list[list[float]]
    iscrowd: int = 0


class _Document(BaseModel):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Annotation]


class EditedCoco:
    """The images of one JSON file of instances.

    Args:
        file: The document.
        document: What stands in it.
        classes: Of the run.
    """

    looked_for: ClassVar[str] = f"{ANNOTATIONS}/instances_*.json"

    def __init__(self, file: Path, document: _Document, classes: ClassTable) -> None:
        self.file = file
        self.images = document.images
        self.regions: dict[int, list[_Annotation]] = defaultdict(list)
        for annotation in document.annotations:
            self.regions[annotation.image_id].append(annotation)
        unknown = {item.name for item in document.categories} - set(classes.names)
        used = {item.category_id for item in document.annotations}
        self.values: dict[int, int] = {}
        for category in document.categories:
            if category.name not in unknown:
                self.values[category.id] = classes.index(category.name)
            elif category.id in used:
                raise UserError(
                    f"the category {category.name!r} of {file} is no class of the run, which "
                    f"knows {', '.join(classes.names)}"
                )

    @classmethod
    def open(cls, folder: Path, classes: ClassTable) -> Self | None:
        """The masks, None without a JSON file of instances."""
        files = sorted((folder / ANNOTATIONS).glob("instances_*.json"))
        if not files:
            return None
        if len(files) > 1:
            raise UserError(
                f"{folder / ANNOTATIONS} holds {len(files)} files of instances: leave the one "
                "that was edited"
            )
        try:
            document = _Document.model_validate(json.loads(files[0].read_bytes()))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise UserError(f"{files[0]} is no COCO file: {place}: {first['msg']}") from error
        except ValueError as error:
            raise UserError(f"{files[0]} is no JSON: {error}") from error
        return cls(files[0], document, classes)

    def masks(self) -> Iterator[Edited]:
        """Every image, those without annotations too."""
        for image in sorted(self.images, key=lambda image: image.file_name):
            try:
                mask = self._mask(image)
            except ValueError as error:
                raise UserError(
                    f"the annotations of {image.file_name} in {self.file} cannot be taken: {error}"
                ) from error
            yield Edited(PurePosixPath(image.file_name).stem, self.file, encode_mask(mask))

    def _mask(self, image: _Image) -> np.ndarray:
        mask = np.zeros((image.height, image.width), np.uint8)
        drawn = []
        for annotation in self.regions[image.id]:
            if annotation.category_id not in self.values:
                raise ValueError(f"there is no category {annotation.category_id}")
            value = IGNORE if annotation.iscrowd else self.values[annotation.category_id]
            drawn.append((value, _region(annotation.segmentation, mask.shape)))
        for value, region in sorted(drawn, key=lambda pair: -int(pair[1].sum())):
            mask[region] = value
        return mask


def _region(segmentation: _Runs | list[list[float]], shape: tuple[int, ...]) -> np.ndarray:
    """A region as (H, W) bool."""
    height, width = shape
    if isinstance(segmentation, _Runs):
        if segmentation.size != (height, width):
            raise ValueError(f"a region of {segmentation.size} in an image of {(height, width)}")
        return decode(segmentation.counts, height, width)
    region = np.zeros((height, width), bool)
    for numbers in segmentation:
        if len(numbers) < 6 or len(numbers) % 2:
            raise ValueError("a polygon has pairs of numbers, three at least")
        corners = np.array(numbers).reshape(-1, 2) - 0.5  # to where centers have whole numbers
        region[filled(corners[:, 1], corners[:, 0], region.shape)] = True
    return region
