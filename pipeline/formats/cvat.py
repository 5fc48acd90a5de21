"""CVAT for images 1.1: one XML file with the masks or polygons of all images.

Create a task of the files in ``images/``, then upload ``annotations.xml`` as "CVAT 1.1". A mask
is run lengths of its box, row after row, zeros first. Ignored pixels have no label.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree

import numpy as np

from tag2mask.pipeline.formats.base import Exporter, ExportSample, numbered_boxes
from tag2mask.pipeline.formats.export_settings import ExportSettings
from tag2mask.pipeline.formats.joined_lines import join_lines
from tag2mask.pipeline.formats.objects import corner_and_size
from tag2mask.pipeline.formats.xml_text import add_text, plain
from tag2mask.pipeline.records import ClassTable, palette

_WAITING = "images.part"


class CvatExporter(Exporter):
    """``images/`` and ``annotations.xml``; a split is an image's subset."""

    names_hold_ids: ClassVar[bool] = True
    dropped_pixels_are: ClassVar[str | None] = "have no label"

    def __init__(self, folder: Path, classes: ClassTable, settings: ExportSettings) -> None:
        super().__init__(folder, classes, settings)
        # The images wait in a file of their own: the document's head names all splits.
        self._waiting = self.new_file(_WAITING)

    @staticmethod
    def image_folder(split: str) -> str:
        """``images`` for every split."""
        return "images"

    def write(self, sample: ExportSample) -> None:
        """One image and its shapes."""
        self.write_image(sample)
        height, width = sample.mask.shape
        image = ElementTree.Element(
            "image",
            id=str(self.splits.total() - 1),
            name=sample.file,
            subset=sample.split,
            width=str(width),
            height=str(height),
        )
        objects = self.find_objects(sample.mask)
        outlines = self.outlines(objects) if self.uses_polygons else {}
        for number, box in numbered_boxes(objects):
            shape = ElementTree.SubElement(
                image,
                "polygon" if self.uses_polygons else "mask",
                label=plain(self.classes.name(int(objects.classes[number]))),
                source="manual" if sample.source == "human" else "auto",
                occluded="0",
                z_order="0",
            )
            if self.uses_polygons:
                corners = join_lines(outlines[number])
                shape.set("points", ";".join(f"{x:.2f},{y:.2f}" for x, y in corners))
            else:
                shape.set("rle", ", ".join(map(str, _runs(objects.labels[box] == number))))
                names = ("left", "top", "width", "height")
                for name, value in zip(names, corner_and_size(box), strict=True):
                    shape.set(name, str(value))
        self._waiting.write(_indented(image))

    def finish(self) -> str:
        """Write the document's head before the images, and describe the unlabeled pixels."""
        waiting = self.folder / _WAITING
        document = self.new_file("annotations.xml")
        document.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n')
        document.write(f"  <version>1.1</version>\n{_indented(self._meta())}")
        self._waiting.flush()
        with open(waiting, encoding="utf-8") as images:
            shutil.copyfileobj(images, document)
        document.write("</annotations>\n")
        waiting.unlink()
        return self.shapes_sentence()

    def _meta(self) -> ElementTree.Element:
        root = ElementTree.Element("meta")
        project = ElementTree.SubElement(root, "project")
        add_text(project, "name", "tag2mask")
        tasks = ElementTree.SubElement(project, "tasks")
        for split, count in self.splits.items():
            task = ElementTree.SubElement(tasks, "task")
            add_text(task, "name", split)
            add_text(task, "size", count)
            add_text(task, "subset", split)
        labels = ElementTree.SubElement(project, "labels")
        colors = np.frombuffer(palette(), np.uint8).reshape(-1, 3)
        for value, name in enumerate(self.classes.names, start=1):
            label = ElementTree.SubElement(labels, "label")
            add_text(label, "name", name)
            add_text(label, "color", f"#{colors[value].tobytes().hex()}")
            add_text(label, "type", "any")
            ElementTree.SubElement(label, "attributes")
        return root


def _indented(element: ElementTree.Element) -> str:
    ElementTree.indent(element, level=1)
    return f"  {ElementTree.tostring(element, encoding='unicode').strip()}\n"


def _runs(region: np.ndarray) -> list[int]:
    """The lengths of alternating runs of a region (h, w) bool, zeros first."""
    flat = region.ravel()
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    lengths: list[int] = np.diff(np.append(starts, flat.size)).tolist()
    return [0, *lengths] if flat[0] else lengths
