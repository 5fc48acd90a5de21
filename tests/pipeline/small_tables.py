"""Small tables for tests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tag2mask.pipeline.records import IMAGES_SCHEMA, ROUND_SCHEMA, Row, image_id
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.table_writer import TableWriter

SHARDS = 3


def image_rows(count: int) -> list[Row]:
    """Rows of an images table whose images are random bytes; tags count up 1, 2, 3, 1, …"""
    rows = []
    for number in range(count):
        data = np.random.default_rng(number).bytes(200)
        rows.append(
            {
                "id": image_id(data),
                "image": {"bytes": data, "path": f"{number}.jpg"},
                "height": 10,
                "width": 20 + number,
                "tags": [1 + number % 3],
                "near_duplicate_of": None,
                "error": None,
            }
        )
    return rows


def writer(
    root: Path | str, name: str, schema: pa.Schema = ROUND_SCHEMA, **changes: Any
) -> TableWriter:
    """A writer of the table ``root/name``."""
    settings: dict[str, Any] = {
        "kind": name,
        "schema": schema,
        "key": f"key-of-{name}",
        "shards": SHARDS,
        "metadata": {"classes": ["cat", "dog", "bird"]},
        "staging": f"{root}/.staging/{name}",
    }
    return TableWriter(f"{root}/{name}", **{**settings, **changes})


def images_table(root: Path | str, count: int) -> Table:
    """A committed images table."""
    images = writer(root, "images", IMAGES_SCHEMA)
    images.stage(image_rows(count))
    return images.commit()


def expected_fingerprint(masks: Mapping[str, bytes | None]) -> str:
    """The fingerprint written out: the sum of SHA-256 over pairs of SHA-256 of id and mask."""
    total = 0
    for row_id, mask in masks.items():
        pair = hashlib.sha256(row_id.encode()).digest() + hashlib.sha256(mask or b"").digest()
        total += int(hashlib.sha256(pair).hexdigest(), 16)
    return f"{total % (1 << 256):064x}"


def round_rows(count: int, mask: bytes = b"mask ") -> list[Row]:
    """Rows of a round for :func:`image_rows`; a mask is some bytes."""
    return [
        {"id": row["id"], "mask": {"bytes": mask + row["image"]["bytes"], "path": None}}
        for row in image_rows(count)
    ]


def stage_in_pieces(target: TableWriter, rows: list[Row], size: int = 7) -> None:
    """Stages rows a few at a time."""
    for start in range(0, len(rows), size):
        target.stage(rows[start : start + size])


def files(uri: str) -> dict[str, bytes]:
    """A table's files by path."""
    folder = Folder(uri)
    parts = folder.folder("parts")
    found = {f"parts/{name}": parts.read(name) for name in parts.sizes()}
    return {**found, **{name: folder.read(name) for name in folder.sizes()}}
