"""YOLO segmentation (the labels of Ultralytics): one polygon a line, corners relative to 1.

A line holds one polygon, so that an object of several components is one line whose parts are
joined by cuts without width. Ignored pixels cannot be said at all: there is no such label, so
a training takes them for background.
"""

from __future__ import annotations

import json
from typing import ClassVar

import numpy as np

from tag2mask.pipeline.formats.base import Exporter, ExportSample
from tag2mask.pipeline.formats.export_settings import Shapes
from tag2mask.pipeline.formats.joined_lines import join_lines
from tag2mask.pipeline.sources.splits import synonyms


class YoloExporter(Exporter):
    """``images/<split>``, ``labels/<split>`` and ``data.yaml``; classes count from 0 here."""

    # A trainer of this format always asks for one.
    val_share: ClassVar[float] = 0.1
    shapes: ClassVar[Shapes] = "polygon"
    dropped_pixels_are: ClassVar[str | None] = "are background"

    @staticmethod
    def image_folder(split: str) -> str:
        """``images/<split>``."""
        return f"images/{split}"

    def write(self, sample: ExportSample) -> None:
        """One image and its polygons, the largest object first."""
        self.write_image(sample)
        height, width = sample.mask.shape
        objects = self.find_objects(sample.mask)
        outlines = self.outlines(objects)
        areas = np.bincount(objects.labels.ravel(), minlength=len(objects) + 1)
        lines = []
        for number in sorted(outlines, key=lambda number: -int(areas[number])):
            relative = np.clip(join_lines(outlines[number]) / (width, height), 0, 1)
            numbers = " ".join(f"{value:.6f}" for value in relative.ravel())
            lines.append(f"{int(objects.classes[number]) - 1} {numbers}\n")
        labels = self.new_folder(f"labels/{sample.split}")
        (labels / f"{sample.name}.txt").write_text("".join(lines))

    def finish(self) -> str:
        """Write data.yaml, and describe the loss by polygons and ignored pixels."""
        self.new_file("data.yaml").write(self._data_yaml())
        ignored = self._ignored_pixels / self._pixels
        if ignored == 1:
            return "every pixel is ignored, which polygons cannot express"
        return (
            f"{self.polygon_sentence()} with the objects; ignored pixels, {ignored:.2%} of all, "
            "are taken for background"
        )

    def _data_yaml(self) -> str:
        """Where the splits are, and the names of the classes.

        The trainer asks for both train and val; without a split of that meaning the images
        of the other stand in.
        """
        train = self._split("train") or min(self.splits)
        val = self._split("val") or train
        lines = [f"train: {self.image_folder(train)}", f"val: {self.image_folder(val)}"]
        if test := self._split("test"):
            lines.append(f"test: {self.image_folder(test)}")
        lines.append("names:")
        # A JSON string is a YAML string, whatever a name holds.
        lines += [f"  {index}: {json.dumps(name)}" for index, name in enumerate(self.classes.names)]
        return "\n".join(lines) + "\n"

    def _split(self, name: str) -> str | None:
        """The name under which this export has a split; None without it."""
        return next((other for other in (name, *synonyms(name)) if other in self.splits), None)
