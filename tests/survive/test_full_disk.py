"""A disk that is full while a run writes: one sentence, and the run goes on when it is not."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tag2mask.pipeline.engine.base import StageSpec, build_table
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import StorageError
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.table_writer import TableWriter
from tests.pipeline.engine import toys
from tests.pipeline.small_tables import expected_fingerprint, image_rows, images_table, writer

COUNT = 120
MASKS = {row["id"]: toys.mask_of(row["image"]["bytes"]) for row in image_rows(COUNT)}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path, free: int) -> Path:
    """A file that leaves so many bytes."""
    status = os.statvfs(disk)
    other = disk / "other"
    other.write_bytes(bytes(max(0, status.f_bavail * status.f_frsize - free)))
    return other


def run(target: TableWriter, images: Table, workers: int) -> Table:
    stages = [StageSpec(toys.Reverse)]
    return build_table(LocalEngine(workers), Scan(images), stages, target, lambda n: None)


def goes_on(target: TableWriter, images: Table, workers: int, disk: Path) -> None:
    with pytest.raises(StorageError, match=f"no space left in {disk}/.*: free some and run"):
        run(target, images, workers)
    assert not Table.exists(target.uri, "key-of-seed")
    kept = target.staged_rows()
    (disk / "other").unlink()
    assert 0 < kept == target.staged_rows()
    table = run(target, images, workers)
    assert sorted(table.ids()) == sorted(MASKS)
    assert table.fingerprint == expected_fingerprint(MASKS)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_disk_that_is_full_while_rows_are_staged(
    disk: Path, tmp_path: Path, workers: int
) -> None:
    images = images_table(tmp_path / "elsewhere", COUNT)
    fill(disk, free=80_000)
    goes_on(writer(disk, "seed"), images, workers, disk)


def test_a_disk_that_is_full_while_the_table_is_committed(disk: Path, tmp_path: Path) -> None:
    images = images_table(tmp_path / "elsewhere", COUNT)
    target = writer(disk, "seed")
    LocalEngine(1).run(Scan(images), [StageSpec(toys.Reverse)], target, lambda n: None)
    fill(disk, free=30_000)
    goes_on(target, images, 1, disk)
