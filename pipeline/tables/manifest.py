"""The manifest: the small file that defines a table, and the hashes that it records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.storage import Folder

MANIFEST = "manifest.json"


class Part(BaseModel):
    """One Parquet file of a table; it never changes, and versions of a table share it.

    Attributes:
        path: Path relative to the table's folder.
        shard: Shard of the rows; a table that has grown has several parts for a shard.
        rows: Number of rows.
        bytes: Size of the file in bytes.
        sha256: SHA-256 of the file.
        revision: Number of the table's version that added the part.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    shard: int
    rows: int
    bytes: int
    sha256: str
    revision: int = 1


class Manifest(BaseModel):
    """The list of a table's files and hashes; readers use only this, never a folder listing.

    Attributes:
        version: Version of the manifest's format.
        kind: Kind of the rows, such as ``images`` or ``seed``.
        key: Hash of all inputs that determine the rows, see :func:`table_key`.
        shards: Number of shards of the run; ``shard = id mod shards``.
        parts: The files, in the order of their shards.
        rows: Number of rows of all parts.
        fingerprint: Hash of the (id, mask) pairs, see :class:`Fingerprint`.
        metadata: Class names, palette, ignore value, recipe, model hashes.
        revision: Number of the table's version, counted from 1.
        inputs: Names of the parts of other tables from which the rows were made, see
            :meth:`names`.
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
    revision: int = 1
    inputs: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Names of the parts that are unique among all tables of a run."""
        return tuple(f"{self.kind}/{part.path}" for part in self.parts)

    def to_bytes(self) -> bytes:
        """The manifest as indented JSON."""
        return (json.dumps(self.model_dump(), indent=1, sort_keys=True) + "\n").encode()


@dataclass(frozen=True)
class Lineage:
    """The origin of a table that is about to be written.

    Attributes:
        revision: Number of the table's version, counted from 1.
        inputs: Names of the parts of other tables from which the rows are made, including those
            of ``base``.
        base: Manifest of the table to which rows are added; None for a table from scratch.
    """

    revision: int = 1
    inputs: tuple[str, ...] = ()
    base: Manifest | None = None

    @classmethod
    def of(cls, *inputs: Manifest, base: Manifest | None = None) -> Lineage:
        """The lineage of a table made from other tables, from scratch or added to a base.

        Args:
            *inputs: Manifests of the other tables.
            base: Manifest of the table to which rows are added; None for one from scratch.
        """
        names = dict.fromkeys(name for manifest in inputs for name in manifest.names())
        if base is None:
            return cls(inputs=tuple(names))
        return cls(base.revision + 1, tuple(dict.fromkeys((*base.inputs, *names))), base)


def read_manifest(folder: Folder, name: str = MANIFEST) -> Manifest:
    """Read the manifest of a table.

    Args:
        folder: Folder of the table.
        name: Path of the manifest inside the folder; another one for an older version.

    Raises:
        UserError: If the table is absent, or its manifest is damaged.
    """
    try:
        return Manifest.model_validate_json(folder.read(name))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"no table at {folder.uri}: it has no {name}; give the folder of a finished table, "
            "or wait until the run that writes it has finished"
        ) from error
    except (ValidationError, ValueError) as error:
        raise UserError(
            f"the manifest {folder.uri}/{name} is damaged: remove the table's folder, then run "
            "the step again"
        ) from error


def table_key(**inputs: object) -> str:
    """Compute the key of a table: the SHA-256 of all inputs that determine its rows.

    Args:
        **inputs: JSON values: the relevant part of the recipe, the fingerprints of the input
            tables, the hashes of the models, the number of shards.

    Returns:
        64 hexadecimal digits; equal for equal inputs in any order.

    Raises:
        TypeError: If an input is not a JSON value.
    """
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Fingerprint:
    """The sum modulo 2^256 of the SHA-256 of every (id, content) pair of a table.

    It is the AdHash of Bellare & Micciancio ("A New Paradigm for Collision-Free Hashing",
    EUROCRYPT 1997). A sum is independent of order, shards and parts, and takes no memory. The sum
    of a table that has grown continues the sum of its base. The fingerprint distinguishes
    results; the SHA-256 of each part protects against forgery.

    The content of a row is the bytes of its mask. In a table without a ``mask`` column it is the
    tags, and without both only the id counts.

    Args:
        start: Fingerprint of the base, in hexadecimal digits.
    """

    def __init__(self, start: str = "0") -> None:
        self._sum = int(start, 16)

    def add(self, rows: pa.Table) -> None:
        """Add rows, in any order."""
        for row_id, content in zip(rows["id"].to_pylist(), _contents(rows), strict=True):
            pair = _digest(_digest(row_id.encode()) + _digest(content))
            self._sum = (self._sum + int.from_bytes(pair)) % 2**256

    def hexdigest(self) -> str:
        """The sum as 64 hexadecimal digits."""
        return f"{self._sum:064x}"


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
