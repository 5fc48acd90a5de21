"""What the three COCO formats share: images, categories, and one streamed JSON file."""

from __future__ import annotations

import json
import shutil
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, ClassVar

from tag2mask.pipeline.formats.base import NOTHING_LOST, SUBSET, Exporter, Sample
from tag2mask.pipeline.records import ClassTable

Record = dict[str, Any]

_HEAD: Record = {"info": {"description": "Masks made by tag2mask", "version": "1.0"}}


class CocoExporter(Exporter):
    """Images in ``images/train/`` and ``annotations/<kind>_train.json``.

    Images and annotations are two lists of one document. Both grow with the rows, so the
    second waits in a file of its own until the first is complete; neither is in memory.
    """

    pictures: ClassVar[str] = f"images/{SUBSET}"
    # The beginning of the JSON file's name: instances, panoptic, stuff.
    kind: ClassVar[str]

    def __init__(self, folder: Path, classes: ClassTable) -> None:
        super().__init__(folder, classes)
        self._document = self.new_file(f"annotations/{self.kind}_{SUBSET}.json")
        self._waiting = self.new_file("annotations.part")
        self._images = 0
        self._annotations = 0
        head = {**_HEAD, "licenses": [], "categories": self.categories()}
        self._document.write(json.dumps(head)[:-1] + ', "images": [')

    @abstractmethod
    def categories(self) -> list[Record]:
        """The categories of the document."""

    @abstractmethod
    def annotations(self, sample: Sample) -> Iterable[Record]:
        """The annotations of a sample, without ``image_id``."""

    def add(self, sample: Sample) -> None:
        """One image, one image record, any number of annotations."""
        self.write_picture(sample)
        height, width = sample.mask.shape
        self._images += 1
        image = {
            "id": self._images,
            "file_name": sample.file,
            "width": width,
            "height": height,
            # Readers of COCO pass over what they do not know.
            "tags": self.names(sample.tags),
            "confidence": round(sample.mask_confidence, 4),
            "source": sample.source,
            "sha256": sample.id,
        }
        _append(self._document, image, first=self._images == 1)
        for annotation in self.annotations(sample):
            self._annotations += 1
            record = {"image_id": self._images, **self.numbered(annotation)}
            _append(self._waiting, record, first=self._annotations == 1)

    def numbered(self, annotation: Record) -> Record:
        """The annotation with its number."""
        return {"id": self._annotations, **annotation}

    def finish(self) -> str:
        """Put the two lists together."""
        waiting = self.folder / "annotations.part"
        self._document.write('\n], "annotations": [')
        self._waiting.flush()
        with open(waiting, encoding="utf-8") as annotations:
            shutil.copyfileobj(annotations, self._document)
        self._document.write("\n]}\n")
        waiting.unlink()
        return NOTHING_LOST


def class_categories(classes: ClassTable) -> list[Record]:
    """One category for each class; its id is the class's pixel value."""
    return [
        {"id": value, "name": name, "supercategory": "object"}
        for value, name in enumerate(classes.names, start=1)
    ]


def background_category(classes: ClassTable) -> Record:
    """Background as stuff: in formats whose 0 means that nothing is known of a pixel."""
    return {"id": len(classes) + 1, "name": "background", "supercategory": "background"}


def _append(file: IO[str], record: Record, *, first: bool) -> None:
    file.write(("\n" if first else ",\n") + json.dumps(record))
