"""COCO panoptic (Kirillov et al., CVPR 2019): PNGs whose colors are segment numbers.

A segment's number is red + 256 green + 256² blue. Every object is a segment, and the background
is one with its own category. 0 is COCO's value for unknown pixels: ignored pixels, and those of
components that are too small.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from PIL import Image

from tag2mask.pipeline.formats.base import ExportSample
from tag2mask.pipeline.formats.coco_base import (
    CocoExporter,
    Record,
    background_category,
    class_categories,
)
from tag2mask.pipeline.formats.objects import boxes, corner_and_size
from tag2mask.pipeline.records import BACKGROUND


class CocoPanopticExporter(CocoExporter):
    """``annotations/panoptic_<split>.json`` and ``annotations/panoptic_<split>/``."""

    kind: ClassVar[str] = "panoptic"
    dropped_pixels_are: ClassVar[str | None] = "belong to no segment"

    def categories(self) -> list[Record]:
        """The classes as things, the background as stuff."""
        things = [{**category, "isthing": 1} for category in class_categories(self.classes)]
        return [*things, {**background_category(self.classes), "isthing": 0}]

    def annotations(self, sample: ExportSample) -> Iterator[Record]:
        """One annotation with all segments, whose map is written beside it."""
        objects = self.find_objects(sample.mask)
        segments = objects.labels.copy()
        # The number after the last object's is the background.
        segments[sample.mask == BACKGROUND] = len(objects) + 1
        categories = [*objects.classes.tolist(), background_category(self.classes)["id"]]
        file = f"{sample.name}.png"
        maps = self.new_folder(f"annotations/panoptic_{sample.split}")
        Image.fromarray(as_colors(segments)).save(maps / file)
        areas = np.bincount(segments.ravel(), minlength=len(objects) + 2).tolist()
        numbers = [number for number in range(1, len(areas)) if areas[number]]
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
                for number, box in zip(numbers, boxes(segments), strict=True)
            ],
        }

    def finish(self) -> str:
        """Complete the documents; only components that are too small are lost."""
        said = super().finish()
        return "every pixel of a segment is kept" if self.dropped else said


def as_colors(segments: np.ndarray) -> np.ndarray:
    """Segment numbers (H, W) as colors (H, W, 3) uint8."""
    return np.stack([segments >> shift & 255 for shift in (0, 8, 16)], axis=-1).astype(np.uint8)
