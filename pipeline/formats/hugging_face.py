"""A folder that Hugging Face's ``imagefolder`` loads: images, masks and metadata.jsonl.

The published dataset opens there as it is, and faster; this is for those who want files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO

from tag2mask.pipeline.formats.base import ALL_KEPT, Exporter, ExportSample
from tag2mask.pipeline.formats.export_settings import ExportSettings
from tag2mask.pipeline.records import ClassTable, encode_mask


class HuggingFaceExporter(Exporter):
    """``<split>/images``, ``<split>/masks`` with palette PNGs, ``<split>/metadata.jsonl``.

    The loader makes an image of every column whose name ends in ``file_name``: ``image``
    and ``mask``.
    """

    def __init__(self, folder: Path, classes: ClassTable, settings: ExportSettings) -> None:
        super().__init__(folder, classes, settings)
        self.new_file("classes.txt").writelines(f"{name}\n" for name in classes.names)
        self._metadata: dict[str, IO[str]] = {}

    @staticmethod
    def image_folder(split: str) -> str:
        """``<split>/images``."""
        return f"{split}/images"

    def write(self, sample: ExportSample) -> None:
        """One image, one mask, one line."""
        self.write_image(sample)
        masks = self.new_folder(f"{sample.split}/masks")
        (masks / f"{sample.name}.png").write_bytes(encode_mask(sample.mask))
        if sample.split not in self._metadata:
            self._metadata[sample.split] = self.new_file(f"{sample.split}/metadata.jsonl")
        record = {
            "file_name": f"images/{sample.file}",
            "mask_file_name": f"masks/{sample.name}.png",
            **self.metadata(sample),
        }
        self._metadata[sample.split].write(json.dumps(record) + "\n")

    def finish(self) -> str:
        """Nothing is left to write."""
        return ALL_KEPT
