"""A Pascal VOC tree (Everingham et al., IJCV 2010, section 3.2), which is also a source.

``JPEGImages/``, ``SegmentationClass/`` with palette PNGs, ``ImageSets/Segmentation/train.txt``.
The class names stand in ``classes.txt``, in the order of the pixel values from 1, and with
their colors in ``labelmap.txt``, as CVAT reads and writes them ("Segmentation mask 1.1").
With ``tags.csv`` beside them the folder can be labeled again, or be the truth of others.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import ClassVar

from tag2mask.pipeline.formats.base import NOTHING_LOST, SUBSET, Exporter, Sample
from tag2mask.pipeline.formats.labelmap import labelmap
from tag2mask.pipeline.records import ClassTable, encode_mask

MASKS = "SegmentationClass"


class VocExporter(Exporter):
    """Palette PNGs whose pixel values are the classes, 255 where ignored."""

    pictures: ClassVar[str] = "JPEGImages"

    def __init__(self, folder: Path, classes: ClassTable) -> None:
        super().__init__(folder, classes)
        (folder / MASKS).mkdir()
        self.new_file("classes.txt").writelines(f"{name}\n" for name in classes.names)
        self.new_file("labelmap.txt").write(labelmap(classes))
        self._list = self.new_file(f"ImageSets/Segmentation/{SUBSET}.txt")
        self._tags = csv.writer(self.new_file("tags.csv"), lineterminator="\n")
        self._tags.writerow(["file", "tags", "split"])

    def add(self, sample: Sample) -> None:
        """One image, one mask, one line in the lists."""
        self.write_picture(sample)
        (self.folder / MASKS / f"{sample.name}.png").write_bytes(encode_mask(sample.mask))
        self._list.write(f"{sample.name}\n")
        self._tags.writerow([sample.file, "|".join(self.names(sample.tags)), SUBSET])

    def finish(self) -> str:
        """Nothing is left to write."""
        return NOTHING_LOST
