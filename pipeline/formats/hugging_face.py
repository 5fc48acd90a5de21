"""A folder that Hugging Face's ``imagefolder`` loads: images, masks and metadata.jsonl.

The published dataset opens there as it is, and faster; this is for those who want files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from tag2mask.pipeline.formats.base import NOTHING_LOST, SUBSET, Exporter, Sample
from tag2mask.pipeline.records import ClassTable, encode_mask

MASKS = f"{SUBSET}/masks"


class HuggingFaceExporter(Exporter):
    """``train/images``, ``train/masks`` with palette PNGs, ``train/metadata.jsonl``.

    The loader makes an image of every column whose name ends in ``file_name``: ``image``
    and ``mask``.
    """

    pictures: ClassVar[str] = f"{SUBSET}/images"

    def __init__(self, folder: Path, classes: ClassTable) -> None:
        super().__init__(folder, classes)
        (folder / MASKS).mkdir()
        self.new_file("classes.txt").writelines(f"{name}\n" for name in classes.names)
        self._metadata = self.new_file(f"{SUBSET}/metadata.jsonl")

    def add(self, sample: Sample) -> None:
        """One image, one mask, one line."""
        self.write_picture(sample)
        (self.folder / MASKS / f"{sample.name}.png").write_bytes(encode_mask(sample.mask))
        shown = tuple(sample.confidence)
        record = {
            "file_name": f"images/{sample.file}",
            "mask_file_name": f"masks/{sample.name}.png",
            "id": sample.id,
            "tags": self.names(sample.tags),
            "classes": self.names(shown),
            "confidence": [round(sample.confidence[value], 4) for value in shown],
            "mask_confidence": round(sample.mask_confidence, 4),
            "source": sample.source,
        }
        self._metadata.write(json.dumps(record) + "\n")

    def finish(self) -> str:
        """Nothing is left to write."""
        return NOTHING_LOST
