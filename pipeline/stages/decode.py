"""Decode: the files of a source as rows of the images table."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass

from tag2mask.pipeline.ingestion.ingest import Image, Ingest, image_row
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.sources import Source

UNIT_ROWS = 64


@dataclass(frozen=True)
class ImageUnit:
    """Images that are still to be read (:class:`tag2mask.pipeline.engine.base.WorkUnit`)."""

    images: tuple[Image, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its rows."""
        return tuple(image.id for image in self.images)

    def read(self) -> list[Row]:
        """One row for each image, without its bytes: reading them is the stage's work."""
        return [asdict(image) for image in self.images]

    def split(self) -> list[ImageUnit]:
        """The same work as units of one row each."""
        return [ImageUnit((image,)) for image in self.images]


@dataclass(frozen=True)
class Images:
    """All images of an ingest as a source of units."""

    ingest: Ingest

    def __len__(self) -> int:
        """The number of images."""
        return len(self.ingest.images)

    def units(self, done: AbstractSet[str] = frozenset()) -> Sequence[ImageUnit]:
        """Units of the images whose ids are not done."""
        left = [image for image in self.ingest.images if image.id not in done]
        # A unit's images are neighbors in storage: one row group or one stretch of a tar.
        left.sort(key=lambda image: image.address)
        return [
            ImageUnit(tuple(left[start : start + UNIT_ROWS]))
            for start in range(0, len(left), UNIT_ROWS)
        ]


class Decode:
    """Reads, checks and normalizes images.

    Args:
        source: The source that holds their bytes.
    """

    def __init__(self, source: Source) -> None:
        self.source = source

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Rows of the images table; those that cannot be read have an error."""
        return [
            image_row(self.source, Image(**{**row, "tags": tuple(row["tags"])})) for row in rows
        ]
