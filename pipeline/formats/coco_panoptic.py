"""COCO panoptic (Kirillov et al., CVPR 2019): PNGs whose colors are segment numbers.

A segment's number is red + 256 green + 256² blue. Every connected piece of a class is a
segment, and the background is one of a category of its own; 0 is COCO's "nothing is known",
which is what ignored pixels are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from tag2mask.pipeline.formats.base import SUBSET, Sample
from tag2mask.pipeline.formats.coco_base import (
    CocoExporter,
    Record,
    background_category,
    class_categories,
)
from tag2mask.pipeline.formats.pieces import boxes, corner_and_size, pieces_of
from tag2mask.pipeline.records import BACKGROUND, ClassTable

SEGMENTS = f"annotations/panoptic_{SUBSET}"


class CocoPanopticExporter(CocoExporter):
    """``annotations/panoptic_train.json`` and ``annotations/panoptic_train/``."""

    kind: ClassVar[str] = "panoptic"

    def __init__(self, folder: Path, classes: ClassTable) -> None:
        super().__init__(folder, classes)
        (folder / SEGMENTS).mkdir()

    def categories(self) -> list[Record]:
        """The classes as things, the background as stuff."""
        things = [{**category, "isthing": 1} for category in class_categories(self.classes)]
        return [*things, {**background_category(self.classes), "isthing": 0}]

    def numbered(self, annotation: Record) -> Record:
        """Panoptic annotations have no number: there is one for each image."""
        return annotation

    def annotations(self, sample: Sample) -> Iterator[Record]:
        """One annotation with all segments, whose map is written beside it."""
        segments, classes = pieces_of(sample.mask)
        background = sample.mask == BACKGROUND
        if background.any():
            segments[background] = len(classes)
        # The number after the last piece's is the background.
        categories = [*classes.tolist(), background_category(self.classes)["id"]]
        file = f"{sample.name}.png"
        Image.fromarray(as_colors(segments)).save(self.folder / SEGMENTS / file)
        areas = np.bincount(segments.ravel()).tolist()
        yield {
            "file_name": file,
            "segments_info": [
                {
                    "id": number,
                    "category_id": categories[number],
                    "area": areas[number],
                    "bbox": corner_and_size(box),
                    "iscrowd": 0,
                }
                for number, box in enumerate(boxes(segments), start=1)
            ],
        }


def as_colors(segments: np.ndarray) -> np.ndarray:
    """Segment numbers (H, W) as colors (H, W, 3) uint8."""
    return np.stack([segments >> shift & 255 for shift in (0, 8, 16)], axis=-1).astype(np.uint8)
