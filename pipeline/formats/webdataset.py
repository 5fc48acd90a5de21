"""Webdataset shards: tar archives with an image, its mask and its metadata under one key.

A sample is ``key.jpg`` or ``key.png``, ``key.mask.png`` (a palette PNG, 255 where ignored) and
``key.json``. Keys hold digits of the image's id, so that they differ in all shards. The shards
are also a source of tag2mask; their masks are not read there.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

from tag2mask.pipeline.formats.base import ALL_KEPT, Exporter, ExportSample, full_name
from tag2mask.pipeline.formats.export_settings import ExportSettings
from tag2mask.pipeline.records import ClassTable, Row, encode_mask


class WebdatasetExporter(Exporter):
    """``<split>-<number>.tar`` of equal numbers of images, and ``classes.txt``."""

    def __init__(self, folder: Path, classes: ClassTable, settings: ExportSettings) -> None:
        super().__init__(folder, classes, settings)
        self.new_file("classes.txt").writelines(f"{name}\n" for name in classes.names)
        self._shards: dict[str, tarfile.TarFile] = {}

    @staticmethod
    def image_folder(split: str) -> str:
        """The shards' own folder."""
        return "."

    def free_name(self, row: Row, naming: Callable[[Row], str]) -> str:
        """A key without dots, since a key ends at its first dot."""
        return full_name(row).replace(".", "_")

    def write(self, sample: ExportSample) -> None:
        """The members of one sample, one after another."""
        shard = self._shard(sample.split)
        height, width = sample.mask.shape
        metadata = {**self.metadata(sample), "height": height, "width": width}
        members = {
            sample.ending: sample.image,
            ".mask.png": encode_mask(sample.mask),
            ".json": json.dumps(metadata).encode(),
        }
        for ending, data in members.items():
            member = tarfile.TarInfo(f"{sample.name}{ending}")
            member.size = len(data)
            shard.addfile(member, io.BytesIO(data))

    def finish(self) -> str:
        """Complete the last shards."""
        for shard in self._shards.values():
            shard.close()
        return ALL_KEPT

    def close(self) -> None:
        """Close the shards too."""
        self.finish()
        super().close()

    def _shard(self, split: str) -> tarfile.TarFile:
        """The shard that the split's current sample goes to."""
        number, inside = divmod(self.splits[split] - 1, self.settings.shard_images)
        if inside == 0:
            if split in self._shards:
                self._shards[split].close()
            path = self.folder / f"{split}-{number:06d}.tar"
            # Closed when the next one begins, the last one by :meth:`close`.
            self._shards[split] = tarfile.open(path, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        return self._shards[split]
