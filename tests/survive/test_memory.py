"""A worker that takes too much memory is killed by Ray's monitor, and its work done again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ray")

import ray

from tag2mask.pipeline.engine.base import StageSpec, build_table
from tag2mask.pipeline.engine.ray import RayEngine
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.scan import Scan
from tests.pipeline.engine import toys
from tests.pipeline.small_tables import expected_fingerprint, image_rows, images_table, writer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

COUNT = 60
GIB = 2**30


class Greedy(toys.Reverse):
    """Takes memory, a quarter of a GiB at a time, the first time that it is called."""

    def __init__(self, marker: Path, gib: int) -> None:
        super().__init__()
        self.marker = marker
        self.gib = gib

    def __call__(self, rows: list[Row]) -> list[Row]:
        if not self.marker.exists():
            self.marker.touch()
            hoard = []
            for _ in range(4 * self.gib):
                hoard.append(np.ones(GIB // 4, np.uint8))
                time.sleep(0.1)
            time.sleep(30)
            self.marker.with_name("survived").touch()
        return super().__call__(rows)


@pytest.fixture
def monitor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Ray that kills when three GiB more than now are in use."""
    with open("/proc/meminfo") as file:
        sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in file}
    total, available = sizes["MemTotal"], sizes["MemAvailable"]
    if available < 8 * GIB:
        pytest.skip("less than 8 GiB of memory are free")
    ray.shutdown()
    threshold = (total - available + 3 * GIB) / total
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{threshold:.4f}")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")
    yield
    ray.shutdown()


@pytest.mark.usefixtures("monitor")
def test_a_worker_that_is_killed_for_memory_costs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    stages = [StageSpec(Greedy, {"marker": marker, "gib": 6})]
    images = Scan(images_table(tmp_path, COUNT))
    table = build_table(RayEngine(2), images, stages, writer(tmp_path, "seed"), lambda n: None)
    assert marker.exists()
    assert not marker.with_name("survived").exists()
    masks = {row["id"]: toys.mask_of(row["image"]["bytes"]) for row in image_rows(COUNT)}
    assert sorted(table.ids()) == sorted(masks)
    assert table.fingerprint == expected_fingerprint(masks)
