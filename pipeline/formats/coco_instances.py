"""COCO instances: each connected piece of a class is an annotation, as run lengths.

Run lengths and not polygons, because they keep every pixel. COCO has no value for a pixel of
which nothing is known; the nearest that it has are crowd regions, where its protocol (COCOeval)
neither rewards nor punishes a detection of their category. So ignored pixels become one crowd
region (``iscrowd`` 1) for each tag of the image: any of them may be there. Readers that leave
crowds out, as most trainings do, see background there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from tag2mask.pipeline.formats.base import Sample
from tag2mask.pipeline.formats.coco_base import CocoExporter, Record, class_categories
from tag2mask.pipeline.formats.pieces import boxes, corner_and_size, pieces_of
from tag2mask.pipeline.formats.rle import regions
from tag2mask.pipeline.records import IGNORE, ClassTable


class CocoInstancesExporter(CocoExporter):
    """``annotations/instances_train.json``."""

    kind: ClassVar[str] = "instances"

    def __init__(self, folder: Path, classes: ClassTable) -> None:
        super().__init__(folder, classes)
        self._ignored = 0

    def categories(self) -> list[Record]:
        """The classes."""
        return class_categories(self.classes)

    def annotations(self, sample: Sample) -> Iterator[Record]:
        """Pieces first, then the crowd regions of ignored pixels."""
        pieces, classes = pieces_of(sample.mask)
        for (number, region, area), box in zip(regions(pieces), boxes(pieces), strict=True):
            category = int(classes[number])
            yield {
                "category_id": category,
                "segmentation": region,
                "area": area,
                "bbox": corner_and_size(box),
                "iscrowd": 0,
                "confidence": round(sample.confidence[category], 4),
            }
        ignored = (sample.mask == IGNORE).astype(np.uint8)
        self._ignored += int(ignored.sum())
        for (_, region, area), box in zip(regions(ignored), boxes(ignored), strict=True):
            for tag in sample.tags:
                yield {
                    "category_id": tag,
                    "segmentation": region,
                    "area": area,
                    "bbox": corner_and_size(box),
                    "iscrowd": 1,
                }

    def finish(self) -> str:
        """Say where ignored pixels went, if there were any."""
        said = super().finish()
        if self._ignored:
            said += (
                f"; {self._ignored:,} ignored pixels are crowd regions of their images' tags, "
                "and background to readers that leave crowds out"
            )
        return said
