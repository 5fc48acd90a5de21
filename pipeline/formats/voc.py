"""A Pascal VOC tree (Everingham et al., IJCV 2010, section 3.2), which is also a source.

``JPEGImages/``, ``SegmentationClass/`` with palette PNGs, ``Annotations/`` with the boxes of the
objects, ``ImageSets/Segmentation/<split>.txt`` and the same lists in ``ImageSets/Main``. The
class names are in ``classes.txt``, in the order of the pixel values from 1. With their colors
they are also in ``labelmap.txt``, in CVAT's format ("Segmentation mask 1.1"). With its
``tags.csv`` the folder can be labeled again, or serve as ground truth.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import IO, ClassVar
from xml.etree import ElementTree

from tag2mask.pipeline.formats.base import ALL_KEPT, Exporter, ExportSample, numbered_boxes
from tag2mask.pipeline.formats.export_settings import ExportSettings
from tag2mask.pipeline.formats.labelmap import labelmap
from tag2mask.pipeline.formats.objects import corner_and_size
from tag2mask.pipeline.formats.xml_text import add_text, write_xml
from tag2mask.pipeline.records import ClassTable, encode_mask
from tag2mask.pipeline.records.name_lists import join_tags

MASKS = "SegmentationClass"
IMAGES = "JPEGImages"
ANNOTATIONS = "Annotations"
LISTS = ("Segmentation", "Main")


class VocExporter(Exporter):
    """Palette PNGs whose pixel values are the classes, 255 where ignored."""

    dropped_pixels_are: ClassVar[str | None] = "are in the masks and have no box"

    def __init__(self, folder: Path, classes: ClassTable, settings: ExportSettings) -> None:
        super().__init__(folder, classes, settings)
        self._masks = self.new_folder(MASKS)
        self._annotations = self.new_folder(ANNOTATIONS)
        self.new_file("classes.txt").writelines(f"{name}\n" for name in classes.names)
        self._lists: dict[str, list[IO[str]]] = {}
        self._tags = csv.writer(self.new_file("tags.csv"), lineterminator="\n")
        self._tags.writerow(["file", "tags", "split"])

    @staticmethod
    def image_folder(split: str) -> str:
        """``JPEGImages`` for every split."""
        return IMAGES

    def write(self, sample: ExportSample) -> None:
        """One image, one mask, one file of boxes, one line in each list."""
        self.write_image(sample)
        (self._masks / f"{sample.name}.png").write_bytes(encode_mask(sample.mask))
        write_xml(self._annotation(sample), self._annotations / f"{sample.name}.xml")
        if sample.split not in self._lists:
            self._lists[sample.split] = [
                self.new_file(f"ImageSets/{name}/{sample.split}.txt") for name in LISTS
            ]
        for file in self._lists[sample.split]:
            file.write(f"{sample.name}\n")
        self._tags.writerow([sample.file, join_tags(self.names(sample.tags)), sample.split])

    def _annotation(self, sample: ExportSample) -> ElementTree.Element:
        """The objects' boxes; VOC counts pixels from 1, and a box holds its last pixel."""
        root = ElementTree.Element("annotation")
        add_text(root, "folder", IMAGES)
        add_text(root, "filename", sample.file)
        add_text(ElementTree.SubElement(root, "source"), "database", "tag2mask")
        height, width = sample.mask.shape
        size = ElementTree.SubElement(root, "size")
        for name, value in (("width", width), ("height", height), ("depth", 3)):
            add_text(size, name, value)
        add_text(root, "segmented", 1)
        objects = self.find_objects(sample.mask)
        for number, box in numbered_boxes(objects):
            left, top, box_width, box_height = corner_and_size(box)
            item = ElementTree.SubElement(root, "object")
            add_text(item, "name", self.classes.name(int(objects.classes[number])))
            add_text(item, "pose", "Unspecified")
            at_border = (
                left == 0 or top == 0 or left + box_width == width or top + box_height == height
            )
            add_text(item, "truncated", int(at_border))
            add_text(item, "difficult", 0)
            corners = ElementTree.SubElement(item, "bndbox")
            add_text(corners, "xmin", left + 1)
            add_text(corners, "ymin", top + 1)
            add_text(corners, "xmax", left + box_width)
            add_text(corners, "ymax", top + box_height)
        return root

    def finish(self) -> str:
        """Write the colors of the labels."""
        with_ignore = self._ignored_pixels > 0
        self.new_file("labelmap.txt").write(labelmap(self.classes, with_ignore=with_ignore))
        return ALL_KEPT
