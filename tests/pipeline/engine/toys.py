"""Toy stages for the engines, some of which misbehave on purpose."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tag2mask.pipeline.records import Row


def mask_of(data: bytes) -> bytes:
    """The mask that :class:`Reverse` makes of an image."""
    return data[::-1]


class Reverse:
    """The mask is the image's bytes backwards."""

    def __init__(self, seconds: float = 0) -> None:
        self._seconds = seconds

    def __call__(self, rows: list[Row]) -> list[Row]:
        for row in rows:
            time.sleep(self._seconds)
            row["mask"] = {"bytes": mask_of(row["image"]["bytes"]), "path": None}
            row["classes"] = row["tags"]
        return rows


class FailOnTag:
    """Raises on a whole batch that holds a row with the tag."""

    def __init__(self, tag: int) -> None:
        self._tag = tag

    def __call__(self, rows: list[Row]) -> list[Row]:
        for row in rows:
            row["model"] = "half done"
        if any(self._tag in row["tags"] for row in rows):
            raise ValueError(f"cannot bear\ntag {self._tag}")
        return [{**row, "model": "done"} for row in rows]


class NeedsSmallBatches:
    """Runs out of memory on more than two rows."""

    def __call__(self, rows: list[Row]) -> list[Row]:
        if len(rows) > 2:
            raise MemoryError("out of memory")
        return [{**row, "reason": "fits"} for row in rows]


class LosesRows:
    """Forgets the last row of a batch of several."""

    def __call__(self, rows: list[Row]) -> list[Row]:
        return rows[:-1] if len(rows) > 1 else rows


class Suicide:
    """Kills its process on one image, as a crash in native code or the kernel would."""

    def __init__(self, path: str, times: Path | None = None) -> None:
        self._path = path
        self._once = times

    def __call__(self, rows: list[Row]) -> list[Row]:
        for row in rows:
            if row["image"]["path"] == self._path and not self._survives():
                os.kill(os.getpid(), signal.SIGKILL)
        return rows

    def _survives(self) -> bool:
        if self._once is None:
            return False
        if self._once.exists():
            return True
        self._once.touch()
        return False


class Wait:
    """Writes a file with the number of its process, and then never ends."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def __call__(self, rows: list[Row]) -> list[Row]:
        Path(self._folder, str(os.getpid())).touch()
        time.sleep(3600)
        return rows


class DiesLoading:
    """Kills its process in the constructor."""

    def __init__(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def __call__(self, rows: list[Row]) -> list[Row]:
        return rows


class MissingModel:
    """Cannot be built."""

    def __init__(self, path: str) -> None:
        raise FileNotFoundError(f"no model at {path}")

    def __call__(self, rows: list[Row]) -> list[Row]:
        return rows


class UsesSeed:
    """Makes its mask of the joined table's values, of every type that a row can have."""

    def __call__(self, rows: list[Row]) -> list[Row]:
        for row in rows:
            seed = row["seed"]
            row["scores"] = None if seed is None else seed["scores"]
            row["confidence"] = [] if seed is None else seed["confidence"]
            row["reason"] = repr(seed)
            row["mask"] = {"bytes": repr(seed).encode(), "path": None}
        return rows
