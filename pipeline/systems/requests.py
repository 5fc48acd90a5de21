"""Requests to a system: numbers of new images, or files to transform."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import fsspec

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.prediction.image_names import by_stem
from tag2mask.pipeline.records import Row

UNIT_ROWS = 16


@dataclass(frozen=True)
class RequestUnit:
    """Some requests; see :class:`tag2mask.pipeline.engine.base.WorkUnit`.

    Attributes:
        ids: The id of each request.
        rows: The columns of each request beside the id.
    """

    ids: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]

    def read(self) -> list[Row]:
        """The rows; files are read by the stage."""
        return [{"id": i, **row} for i, row in zip(self.ids, self.rows, strict=True)]

    def split(self) -> list[RequestUnit]:
        """The same work as units of one row each."""
        pairs = zip(self.ids, self.rows, strict=True)
        return [RequestUnit((row_id,), (row,)) for row_id, row in pairs]


@dataclass(frozen=True)
class Requests:
    """Requests as a source of units, each with an id that follows from its path."""

    rows: tuple[dict[str, Any], ...]

    def __len__(self) -> int:
        """The number of requests."""
        return len(self.rows)

    def units(self, done: AbstractSet[str] = frozenset()) -> Sequence[RequestUnit]:
        """Units of the requests whose ids are not done."""
        left = [(i, row) for row in self.rows if (i := _id(row["path"])) not in done]
        pieces = [left[start : start + UNIT_ROWS] for start in range(0, len(left), UNIT_ROWS)]
        return [RequestUnit(*map(tuple, zip(*piece, strict=True))) for piece in pieces]


def number_requests(count: int, seed: int) -> Requests:
    """Requests for new images, with ``number`` from 0 and the ``seed`` of their noise."""
    return Requests(
        tuple(
            {"path": f"{seed}-{number:06d}.png", "number": number, "seed": seed}
            for number in range(count)
        )
    )


def list_files(images: str, masks: str | None = None) -> Requests:
    """Requests for the images directly inside a folder, each with the mask of the same stem.

    Args:
        images: URI of the folder.
        masks: URI of a folder of palette PNGs; None for no masks.

    Raises:
        UserError: If there is no image, two share a stem, or one has no mask.
    """
    named, given = by_stem(images), {} if masks is None else by_stem(masks)
    if masks is not None and (missing := sorted(named.keys() - given.keys())):
        raise UserError(f"{masks} holds no mask {missing[0]}, for the image in {images}")
    files_at, masks_at = _protocol(images), _protocol(masks or images)
    return Requests(
        tuple(
            {
                "path": f"{stem}.png",
                "file": files_at + name,
                "mask_file": masks_at + given[stem] if masks else None,
            }
            for stem, name in named.items()
        )
    )


def pair_frames(frames: Requests) -> Requests:
    """Frames in the order of their names, each with the file of the next one, but the last.

    Raises:
        UserError: If there is no second frame.
    """
    ordered = sorted(frames.rows, key=lambda row: row["path"])
    if len(ordered) < 2:
        raise UserError(f"{ordered[0]['file']} is alone: give a folder of two frames or more")
    pairs = pairwise(ordered)
    return Requests(tuple({**row, "next_file": after["file"]} for row, after in pairs))


def _protocol(uri: str) -> str:
    files, _ = fsspec.core.url_to_fs(uri)
    protocol = files.protocol if isinstance(files.protocol, str) else files.protocol[0]
    return "" if protocol in ("file", "local") else f"{protocol}://"


def _id(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()
