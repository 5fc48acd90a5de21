"""Decode: the files of a source as rows of the images table."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass

from tag2mask.pipeline.ingestion.ingest import Ingest, Picture, picture_row
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.sources import Source

UNIT_ROWS = 64


@dataclass(frozen=True)
class PictureUnit:
    """Some images that are still to be read; see :class:`tag2mask.pipeline.engine.base.Unit`."""

    pictures: tuple[Picture, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its rows."""
        return tuple(picture.id for picture in self.pictures)

    def read(self) -> list[Row]:
        """One row for each image, without its bytes: reading them is the stage's work."""
        return [asdict(picture) for picture in self.pictures]

    def split(self) -> list[PictureUnit]:
        """The same work as units of one row each."""
        return [PictureUnit((picture,)) for picture in self.pictures]


@dataclass(frozen=True)
class Pictures:
    """All images of an ingest as a source of units."""

    ingest: Ingest

    def units(self, done: AbstractSet[str] = frozenset()) -> Sequence[PictureUnit]:
        """Units of the images whose ids are not done."""
        left = [picture for picture in self.ingest.pictures if picture.id not in done]
        # A unit's images are neighbors in storage: one row group or one stretch of a tar.
        left.sort(key=lambda picture: picture.address)
        return [
            PictureUnit(tuple(left[start : start + UNIT_ROWS]))
            for start in range(0, len(left), UNIT_ROWS)
        ]


class Decode:
    """Reads, checks and normalizes images.

    Args:
        source: Where their bytes are.
    """

    def __init__(self, source: Source) -> None:
        self.source = source

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Rows of the images table; those that cannot be read have an error."""
        return [
            picture_row(self.source, Picture(**{**row, "tags": tuple(row["tags"])})) for row in rows
        ]
