"""The manifest: the one small file that makes a table exist, and the hashes it records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import UserError
from pipeline.storage import Folder

MANIFEST = "manifest.json"


class Part(BaseModel):
    """One Parquet file of a table; ``path`` is relative to the table's folder."""

    model_config = ConfigDict(frozen=True)

    path: str
    shard: int
    rows: int
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a table is made of. Readers trust the manifest alone, never a listing.

    Attributes:
        kind: What the rows are, such as ``images`` or ``seed``.
        key: Hash of everything the rows follow from, see :func:`table_key`.
        shards: Number of shards of the run; ``shard = id mod shards``.
        parts: The files, in the order of their shards.
        rows: Number of rows of all parts.
        fingerprint: SHA-256 over the sorted (id, mask) pairs, see :class:`Fingerprint`.
        metadata: Class names, palette, ignore value, recipe, model hashes.
    """

    model_config = ConfigDict(frozen=True)

    version: int = 1
    kind: str
    key: str
    shards: int
    parts: tuple[Part, ...]
    rows: int
    fingerprint: str
    metadata: dict[str, Any]

    def to_bytes(self) -> bytes:
        """The manifest as indented JSON."""
        return (json.dumps(self.model_dump(), indent=1, sort_keys=True) + "\n").encode()


def read_manifest(folder: Folder) -> Manifest:
    """The manifest of a table.

    Raises:
        UserError: If the table is absent, or its manifest is damaged.
    """
    try:
        return Manifest.model_validate_json(folder.read(MANIFEST))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"no table at {folder.uri}: there is no {MANIFEST}; give the folder of a finished "
            "table, or let the run that writes it finish"
        ) from error
    except (ValidationError, ValueError) as error:
        raise UserError(
            f"the manifest {folder.uri}/{MANIFEST} is damaged: remove the table's folder and "
            "run the step again"
        ) from error


def table_key(**ingredients: object) -> str:
    """The key of a table: SHA-256 over everything its rows follow from.

    Args:
        **ingredients: JSON values: the subset of the recipe, the fingerprints of the input
            tables, the hashes of the models, the number of shards.

    Returns:
        64 hexadecimal digits; equal for equal ingredients in any order.

    Raises:
        TypeError: If an ingredient is no JSON value.
    """
    text = json.dumps(ingredients, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Fingerprint:
    """SHA-256 over the sorted (id, content) pairs of a table, whatever its shards.

    The content of a row is the bytes of its mask; in a table without a ``mask`` column it is
    the tags, and without those nothing but the id. It costs 64 bytes of memory a row.
    """

    def __init__(self) -> None:
        self._pairs: list[bytes] = []

    def add(self, rows: pa.Table) -> None:
        """Take in rows, in any order."""
        for row_id, content in zip(rows["id"].to_pylist(), _contents(rows), strict=True):
            self._pairs.append(_digest(row_id.encode()) + _digest(content))

    def hexdigest(self) -> str:
        """64 hexadecimal digits."""
        return hashlib.sha256(b"".join(sorted(self._pairs))).hexdigest()


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _contents(rows: pa.Table) -> Iterable[bytes]:
    if "mask" in rows.column_names:
        for mask in rows["mask"].to_pylist():
            yield (mask["bytes"] if isinstance(mask, dict) else mask) or b""
    elif "tags" in rows.column_names:
        for tags in rows["tags"].to_pylist():
            yield json.dumps(tags).encode()
    else:
        yield from (b"" for _ in range(rows.num_rows))
