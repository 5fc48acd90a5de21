"""The manifest: the one small file that makes a table exist, and the hashes it records."""

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
    """One Parquet file of a table; it is never changed, and versions of a table share it.

    Attributes:
        path: Relative to the table's folder.
        shard: The shard of its rows; a table that has grown has several parts of a shard.
        rows: Number of rows.
        bytes: Size of the file.
        sha256: Of the file.
        revision: The version of the table that added it.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    shard: int
    rows: int
    bytes: int
    sha256: str
    revision: int = 1


class Manifest(BaseModel):
    """What a table is made of. Readers trust the manifest alone, never a listing.

    Attributes:
        kind: What the rows are, such as ``images`` or ``seed``.
        key: Hash of everything the rows follow from, see :func:`table_key`.
        shards: Number of shards of the run; ``shard = id mod shards``.
        parts: The files, in the order of their shards.
        rows: Number of rows of all parts.
        fingerprint: Of the (id, mask) pairs, see :class:`Fingerprint`.
        metadata: Class names, palette, ignore value, recipe, model hashes.
        revision: Which version of the table this is, counted from 1.
        inputs: The parts of other tables that its rows were made of, see :meth:`names`.
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
        """Names of the parts among those of all tables of a run."""
        return tuple(f"{self.kind}/{part.path}" for part in self.parts)

    def to_bytes(self) -> bytes:
        """The manifest as indented JSON."""
        return (json.dumps(self.model_dump(), indent=1, sort_keys=True) + "\n").encode()


@dataclass(frozen=True)
class Lineage:
    """Where a table that is about to be written comes from.

    Attributes:
        revision: Which version of the table it will be.
        inputs: The parts of other tables that its rows are made of; those of ``base`` included.
        base: The table whose rows it keeps and adds to; None for a table made again.
    """

    revision: int = 1
    inputs: tuple[str, ...] = ()
    base: Manifest | None = None

    @classmethod
    def of(cls, *inputs: Manifest, base: Manifest | None = None) -> Lineage:
        """A table made of others, again or added to a base."""
        names = dict.fromkeys(name for manifest in inputs for name in manifest.names())
        if base is None:
            return cls(inputs=tuple(names))
        return cls(base.revision + 1, tuple(dict.fromkeys((*base.inputs, *names))), base)


def read_manifest(folder: Folder, name: str = MANIFEST) -> Manifest:
    """The manifest of a table.

    Args:
        folder: Of the table.
        name: Of the manifest in it, another one for an older version.

    Raises:
        UserError: If the table is absent, or its manifest is damaged.
    """
    try:
        return Manifest.model_validate_json(folder.read(name))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"no table at {folder.uri}: there is no {name}; give the folder of a finished "
            "table, or let the run that writes it finish"
        ) from error
    except (ValidationError, ValueError) as error:
        raise UserError(
            f"the manifest {folder.uri}/{name} is damaged: remove the table's folder and "
            "run the step again"
        ) from error


def table_key(**inputs: object) -> str:
    """The key of a table: SHA-256 over everything its rows follow from.

    Args:
        **inputs: JSON values: the subset of the recipe, the fingerprints of the input
            tables, the hashes of the models, the number of shards.

    Returns:
        64 hexadecimal digits; equal for equal inputs in any order.

    Raises:
        TypeError: If an ingredient is no JSON value.
    """
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Fingerprint:
    """The sum modulo 2^256 of the SHA-256 of every (id, content) pair of a table.

    A sum knows no order, shards or parts, takes no memory, and that of a table which has
    grown goes on from that of its base (the AdHash of Bellare & Micciancio, "A New Paradigm
    for Collision-Free Hashing", EUROCRYPT 1997). It tells results apart; against forgery,
    each part has its own SHA-256.

    The content of a row is the bytes of its mask; in a table without a ``mask`` column it is
    the tags, and without those nothing but the id.

    Args:
        start: The fingerprint to go on from.
    """

    def __init__(self, start: str = "0") -> None:
        self._sum = int(start, 16)

    def add(self, rows: pa.Table) -> None:
        """Take in rows, in any order."""
        for row_id, content in zip(rows["id"].to_pylist(), _contents(rows), strict=True):
            pair = _digest(_digest(row_id.encode()) + _digest(content))
            self._sum = (self._sum + int.from_bytes(pair)) % 2**256

    def hexdigest(self) -> str:
        """64 hexadecimal digits."""
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
