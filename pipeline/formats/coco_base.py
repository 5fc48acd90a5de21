"""The base of the three COCO formats: images, categories, and streamed JSON files."""

from __future__ import annotations

import json
import shutil
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, ClassVar

from tag2mask.pipeline.formats.base import ALL_KEPT, Exporter, ExportSample
from tag2mask.pipeline.formats.export_settings import ExportSettings
from tag2mask.pipeline.records import ClassTable

Record = dict[str, Any]

_INFO: Record = {"description": "Masks made by tag2mask", "version": "1.0"}


class CocoExporter(Exporter):
    """Images in ``images/<split>/`` and ``annotations/<kind>_<split>.json``."""

    # The beginning of the JSON files' names: instances, panoptic, stuff.
    kind: ClassVar[str]

    def __init__(self, folder: Path, classes: ClassTable, settings: ExportSettings) -> None:
        super().__init__(folder, classes, settings)
        self._documents: dict[str, _Document] = {}

    @staticmethod
    def image_folder(split: str) -> str:
        """``images/<split>``."""
        return f"images/{split}"

    @abstractmethod
    def categories(self) -> list[Record]:
        """The categories of the documents."""

    @abstractmethod
    def annotations(self, sample: ExportSample) -> Iterable[Record]:
        """The annotations of a sample, without ``image_id``."""

    def write(self, sample: ExportSample) -> None:
        """One image, one image record, any number of annotations."""
        self.write_image(sample)
        document = self._document(sample.split)
        height, width = sample.mask.shape
        document.add_image(
            {
                "file_name": sample.file,
                "width": width,
                "height": height,
                # Readers of COCO ignore keys that they do not know.
                "tags": self.names(sample.tags),
                "confidence": round(sample.object_confidence, 4),
                "mask_confidence": round(sample.mask_confidence, 4),
                "source": sample.source,
                "sha256": sample.id,
            }
        )
        for annotation in self.annotations(sample):
            document.add_annotation(annotation, numbered=self.kind != "panoptic")

    def finish(self) -> str:
        """Complete the documents."""
        for document in self._documents.values():
            document.finish()
        return ALL_KEPT

    def _document(self, split: str) -> _Document:
        if split not in self._documents:
            name = f"annotations/{self.kind}_{split}.json"
            # Two dots: no split's document can have the same name.
            waiting = f"annotations/{split}..part"
            head = {"info": _INFO, "licenses": [], "categories": self.categories()}
            self._documents[split] = _Document(
                self.new_file(name), self.new_file(waiting), self.folder / waiting, head
            )
        return self._documents[split]


class _Document:
    """One COCO document, written in the memory of one record.

    Images and annotations are two lists of one document. Both grow with the rows, so the
    second waits in a file of its own until the first is complete.
    """

    def __init__(self, file: IO[str], waiting: IO[str], waiting_path: Path, head: Record) -> None:
        self._file = file
        self._waiting = waiting
        self._waiting_path = waiting_path
        self._images = self._annotations = 0
        self._file.write(json.dumps(head)[:-1] + ', "images": [')

    def add_image(self, record: Record) -> None:
        """Write an image under the next number."""
        self._images += 1
        _append(self._file, {"id": self._images, **record}, first=self._images == 1)

    def add_annotation(self, record: Record, *, numbered: bool) -> None:
        """Write an annotation of the last image, if wanted under the next number."""
        self._annotations += 1
        number = {"id": self._annotations} if numbered else {}
        record = {"image_id": self._images, **number, **record}
        _append(self._waiting, record, first=self._annotations == 1)

    def finish(self) -> None:
        """Put the two lists together."""
        self._file.write('\n], "annotations": [')
        self._waiting.flush()
        with open(self._waiting_path, encoding="utf-8") as annotations:
            shutil.copyfileobj(annotations, self._file)
        self._file.write("\n]}\n")
        self._waiting_path.unlink()


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
