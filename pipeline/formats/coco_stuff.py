"""COCO stuff (Caesar et al., CVPR 2018): one region for each class, background among them.

A pixel that no annotation covers is one of which nothing is known: an ignored one. The same
stands in ``annotations/stuff_train_pixelmaps/``, gray PNGs of category numbers with 0 for
ignored pixels.
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
from tag2mask.pipeline.formats.pieces import boxes, corner_and_size
from tag2mask.pipeline.formats.rle import regions
from tag2mask.pipeline.records import BACKGROUND, IGNORE, ClassTable

MAPS = f"annotations/stuff_{SUBSET}_pixelmaps"


class CocoStuffExporter(CocoExporter):
    """``annotations/stuff_train.json`` and its pixel maps."""

    kind: ClassVar[str] = "stuff"

    def __init__(self, folder: Path, classes: ClassTable) -> None:
        super().__init__(folder, classes)
        (folder / MAPS).mkdir()
        self._category_of = np.arange(256, dtype=np.uint8)
        self._category_of[BACKGROUND] = background_category(classes)["id"]
        self._category_of[IGNORE] = 0

    def categories(self) -> list[Record]:
        """The classes and the background."""
        return [*class_categories(self.classes), background_category(self.classes)]

    def annotations(self, sample: Sample) -> Iterator[Record]:
        """One region for each category in the mask."""
        categories = self._category_of[sample.mask]
        Image.fromarray(categories).save(self.folder / MAPS / f"{sample.name}.png")
        found = zip(regions(categories), boxes(categories), strict=True)
        for (category, region, area), box in found:
            yield {
                "category_id": category,
                "segmentation": region,
                "area": area,
                "bbox": corner_and_size(box),
                "iscrowd": 0,
            }
