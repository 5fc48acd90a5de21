"""COCO stuff (Caesar et al., CVPR 2018): one region for each class, background among them.

A pixel that no annotation covers is one of which nothing is known: an ignored one. The same
stands in ``annotations/stuff_<split>_pixelmaps/``, gray PNGs of category numbers with 0 for
ignored pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
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
from tag2mask.pipeline.formats.export_settings import ExportSettings
from tag2mask.pipeline.formats.objects import boxes, corner_and_size
from tag2mask.pipeline.formats.rle import regions
from tag2mask.pipeline.records import BACKGROUND, IGNORE, ClassTable


class CocoStuffExporter(CocoExporter):
    """``annotations/stuff_<split>.json`` and its pixel maps."""

    kind: ClassVar[str] = "stuff"

    def __init__(self, folder: Path, classes: ClassTable, settings: ExportSettings) -> None:
        super().__init__(folder, classes, settings)
        self._category_of = np.arange(256, dtype=np.uint8)
        self._category_of[BACKGROUND] = background_category(classes)["id"]
        self._category_of[IGNORE] = 0

    def categories(self) -> list[Record]:
        """The classes and the background."""
        return [*class_categories(self.classes), background_category(self.classes)]

    def annotations(self, sample: ExportSample) -> Iterator[Record]:
        """One region for each category in the mask."""
        categories = self._category_of[sample.mask]
        maps = self.new_folder(f"annotations/stuff_{sample.split}_pixelmaps")
        Image.fromarray(categories).save(maps / f"{sample.name}.png")
        found = zip(regions(categories), boxes(categories), strict=True)
        for (category, region, area), box in found:
            yield {
                "category_id": category,
                "segmentation": region,
                "area": area,
                "bbox": corner_and_size(box),
                "iscrowd": 0,
            }
