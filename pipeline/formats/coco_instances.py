"""COCO instances: each object is an annotation, as polygons or as run lengths.

Most clients read polygons. Drawn by COCO's mask API they give the same pixels. A hole is reached
by a cut without width, because COCO's polygons have no holes. Run lengths keep every pixel in any
client. The confidence of a class is the annotation's ``score``.

COCO has no value for unknown pixels. The nearest it has are crowd regions: its protocol
(COCOeval) neither rewards nor punishes a detection of their category there. So ignored pixels
become one crowd region (``iscrowd`` 1) for each tag of the image, because any tag may be there.
Readers that skip crowds, as most trainings do, read these pixels as background.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from tag2mask.pipeline.formats.base import ExportSample, numbered_boxes
from tag2mask.pipeline.formats.coco_base import CocoExporter, Record, class_categories
from tag2mask.pipeline.formats.export_settings import Shapes
from tag2mask.pipeline.formats.objects import Objects, boxes, corner_and_size
from tag2mask.pipeline.formats.polygons import region_polygons
from tag2mask.pipeline.formats.rle import encode, regions

_PLACES = 2  # of coordinates; corners lie on halves of pixels


class CocoInstancesExporter(CocoExporter):
    """``annotations/instances_<split>.json``."""

    kind: ClassVar[str] = "instances"
    shapes: ClassVar[Shapes] = "polygon"
    dropped_pixels_are: ClassVar[str | None] = "are background"

    def categories(self) -> list[Record]:
        """The classes."""
        return class_categories(self.classes)

    def annotations(self, sample: ExportSample) -> Iterator[Record]:
        """Objects first, then the crowd regions of ignored pixels."""
        objects = self.find_objects(sample.mask)
        areas = np.bincount(objects.labels.ravel(), minlength=len(objects) + 1).tolist()
        segmentations = self._segmentations(objects)
        for number, box in numbered_boxes(objects):
            category = int(objects.classes[number])
            yield {
                "category_id": category,
                "segmentation": segmentations[number],
                "area": areas[number],
                "bbox": corner_and_size(box),
                "iscrowd": 0,
                "score": round(sample.confidence[category], 4),
            }
        yield from self._crowds(sample)

    def _segmentations(self, objects: Objects) -> dict[int, Any]:
        if self.uses_polygons:
            return {number: _flat(polygons) for number, polygons in self.outlines(objects).items()}
        return {number: region for number, region, _ in regions(objects.labels)}

    def _crowds(self, sample: ExportSample) -> Iterator[Record]:
        ignored = sample.ignored
        for box in boxes(ignored.astype(np.uint8)):
            polygons = self.uses_polygons
            region = _flat(region_polygons(ignored[box], box)) if polygons else encode(ignored)
            for tag in sample.tags:
                yield {
                    "category_id": tag,
                    "segmentation": region,
                    "area": int(ignored.sum()),
                    "bbox": corner_and_size(box),
                    "iscrowd": 1,
                }

    def finish(self) -> str:
        """Describe the loss by polygons and the place of ignored pixels."""
        said = super().finish()
        if self.dropped:
            said = "every pixel of an object is kept"
        if self.uses_polygons:
            said = self.polygon_sentence()
        if self._ignored_pixels:
            said += (
                f"; {self._ignored_pixels:,} ignored pixels are crowd regions of their images' "
                "tags, and background to readers that leave crowds out"
            )
        return said


def _flat(polygons: list[np.ndarray]) -> list[list[float]]:
    """Polygons as COCO writes them: x, y, x, y, … in pixels."""
    return [polygon.round(_PLACES).ravel().tolist() for polygon in polygons]
