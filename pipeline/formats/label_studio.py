"""Label Studio tasks with predictions: brush masks in its own run lengths, or polygons.

``tasks_<split>.json`` is imported into a project whose labeling interface is
``label_config.xml``. Images are served from this folder as local files: Label Studio's
``LOCAL_FILES_DOCUMENT_ROOT`` is the folder. Ignored pixels have no label.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any, ClassVar
from urllib.parse import quote
from xml.etree import ElementTree

import numpy as np

from tag2mask.pipeline.formats.base import Exporter, ExportSample
from tag2mask.pipeline.formats.brush_rle import encode_brush
from tag2mask.pipeline.formats.export_settings import ExportSettings
from tag2mask.pipeline.formats.joined_lines import join_lines
from tag2mask.pipeline.formats.objects import Objects
from tag2mask.pipeline.formats.xml_text import plain, write_xml
from tag2mask.pipeline.records import ClassTable, palette

_FILES = "/data/local-files/?d="


class LabelStudioExporter(Exporter):
    """``images/<split>``, ``tasks_<split>.json`` and ``label_config.xml``."""

    names_hold_ids: ClassVar[bool] = True
    dropped_pixels_are: ClassVar[str | None] = "have no label"

    def __init__(self, folder: Path, classes: ClassTable, settings: ExportSettings) -> None:
        super().__init__(folder, classes, settings)
        self._tasks: dict[str, IO[str]] = {}
        write_xml(self._label_config(), folder / "label_config.xml")

    @staticmethod
    def image_folder(split: str) -> str:
        """``images/<split>``."""
        return f"images/{split}"

    def write(self, sample: ExportSample) -> None:
        """One image and its task."""
        self.write_image(sample)
        if sample.split not in self._tasks:
            self._tasks[sample.split] = self.new_file(f"tasks_{sample.split}.json")
            self._tasks[sample.split].write("[\n")
        else:
            self._tasks[sample.split].write(",\n")
        task = {
            "data": {
                "image": _FILES + quote(f"{self.image_folder(sample.split)}/{sample.file}"),
                **self.metadata(sample),
            },
            "predictions": [
                {
                    "model_version": sample.source,
                    "score": round(sample.object_confidence, 4),
                    "result": self._results(sample, self.find_objects(sample.mask)),
                }
            ],
        }
        self._tasks[sample.split].write(json.dumps(task))

    def finish(self) -> str:
        """Complete the tasks, and describe the unlabeled pixels."""
        for file in self._tasks.values():
            file.write("\n]\n")
        return self.shapes_sentence()

    def _results(self, sample: ExportSample, objects: Objects) -> list[dict[str, Any]]:
        height, width = sample.mask.shape
        outlines = self.outlines(objects) if self.uses_polygons else {}
        results = []
        for number in range(1, len(objects) + 1):
            category = int(objects.classes[number])
            labels = [plain(self.classes.name(category))]
            if self.uses_polygons:
                # Percent of the image's size
                points = join_lines(outlines[number]) * 100 / (width, height)
                kind = "polygonlabels"
                value = {"points": points.round(4).tolist(), "closed": True, kind: labels}
            else:
                kind = "brushlabels"
                region = objects.labels == number
                value = {"format": "rle", "rle": encode_brush(region), kind: labels}
            results.append(
                {
                    "id": f"{sample.id[:8]}-{number}",
                    "type": kind,
                    "from_name": "label",
                    "to_name": "image",
                    "original_width": width,
                    "original_height": height,
                    "image_rotation": 0,
                    "score": round(sample.confidence[category], 4),
                    "value": value,
                }
            )
        return results

    def _label_config(self) -> ElementTree.Element:
        root = ElementTree.Element("View")
        ElementTree.SubElement(root, "Image", name="image", value="$image", zoom="true")
        kind = "PolygonLabels" if self.uses_polygons else "BrushLabels"
        labels = ElementTree.SubElement(root, kind, name="label", toName="image")
        colors = np.frombuffer(palette(), np.uint8).reshape(-1, 3)
        for value, name in enumerate(self.classes.names, start=1):
            color = f"#{colors[value].tobytes().hex()}"
            ElementTree.SubElement(labels, "Label", value=plain(name), background=color)
        return root
