"""YOLO segmentation (the labels of Ultralytics): one polygon a line, corners relative to 1.

Polygons lose pixels, and this says how many: every mask is drawn again from its polygons and
compared with itself. Ignored pixels cannot be said at all: there is no such label, so a
training takes them for background.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image, ImageDraw

from tag2mask.pipeline.evaluation.voc import confusion, scores
from tag2mask.pipeline.formats.base import SUBSET, Exporter, Sample
from tag2mask.pipeline.formats.outlines import outlines
from tag2mask.pipeline.records import IGNORE, ClassTable

LABELS = f"labels/{SUBSET}"


class YoloExporter(Exporter):
    """``images/train``, ``labels/train`` and ``data.yaml``; classes count from 0 here."""

    pictures: ClassVar[str] = f"images/{SUBSET}"

    def __init__(self, folder: Path, classes: ClassTable) -> None:
        super().__init__(folder, classes)
        (folder / LABELS).mkdir(parents=True)
        self._matrix = np.zeros((len(classes) + 1, len(classes) + 2), np.int64)
        self._ignored = self._pixels = 0
        # The trainer wants both; this dataset has one part only.
        lines = [f"train: {self.pictures}", f"val: {self.pictures}", "names:"]
        # A JSON string is a YAML string, whatever a name holds.
        lines += [f"  {index}: {json.dumps(name)}" for index, name in enumerate(classes.names)]
        self.new_file("data.yaml").write("\n".join(lines) + "\n")

    def add(self, sample: Sample) -> None:
        """One image and its polygons, the largest first."""
        self.write_picture(sample)
        height, width = sample.mask.shape
        # At twice the size corners have whole numbers, and none is a pixel's center.
        canvas = Image.new("L", (2 * width, 2 * height))
        pen = ImageDraw.Draw(canvas)
        lines = []
        for value, corners in outlines(sample.mask):
            pen.polygon((2 * corners[:, ::-1]).ravel().tolist(), fill=value)
            # A pixel's center lies half a pixel inside the image.
            relative = np.clip((corners[:, ::-1] + 0.5) / (width, height), 0, 1)
            numbers = " ".join(f"{number:.6f}" for number in relative.ravel())
            lines.append(f"{value - 1} {numbers}\n")
        (self.folder / LABELS / f"{sample.name}.txt").write_text("".join(lines))
        drawn = np.asarray(canvas)[::2, ::2]
        self._matrix += confusion(sample.mask, drawn, len(self.classes))
        self._ignored += int((sample.mask == IGNORE).sum())
        self._pixels += sample.mask.size

    def finish(self) -> str:
        """Say what the polygons lost."""
        ignored = self._ignored / self._pixels
        if ignored == 1:
            return "every pixel is ignored, which polygons cannot say"
        score = scores(self._matrix, self.classes.names).mean_iou
        return (
            "polygons can lose pixels: drawn again at the pixels' centers, they have a mean IoU "
            f"of {score:.4f} with the masks; ignored pixels, {ignored:.2%} of all, are taken for "
            "background"
        )
