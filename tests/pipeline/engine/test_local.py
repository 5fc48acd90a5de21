"""The local engine: in this process and in several."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tag2mask.pipeline.engine.base import StageSpec
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.scan import Scan
from tests.pipeline.engine.base_engine import EngineTests, SurvivingEngineTests
from tests.pipeline.small_tables import writer


class CountThreads:
    """Reports the number of threads that torch may use."""

    def __call__(self, rows: list[Row]) -> list[Row]:
        return [{**row, "reason": str(torch.get_num_threads())} for row in rows]


class TestInThisProcess(EngineTests):
    @pytest.fixture
    def engine(self) -> LocalEngine:
        return LocalEngine(workers=1)

    def test_stages_get_one_thread_as_in_every_other_engine(self, engine, images, tmp_path):
        """The last bits of a network's output depend on the number of threads."""
        before = torch.get_num_threads()
        torch.set_num_threads(3)
        try:
            table = writer(tmp_path, "threads")
            engine.run(Scan(images), [StageSpec(CountThreads)], table, lambda done: None)
            assert {row["reason"] for row in table.commit().rows()} == {"1"}
            assert torch.get_num_threads() == 3
        finally:
            torch.set_num_threads(before)


class TestInProcesses(SurvivingEngineTests):
    @pytest.fixture
    def engine(self) -> LocalEngine:
        return LocalEngine(workers=2)


DRIVER = """
import sys
from tag2mask.pipeline.engine.base import StageSpec
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.engine.toys import Wait
from tests.pipeline.small_tables import writer

stages = [StageSpec(Wait, {"folder": sys.argv[2]})]
table = writer(sys.argv[1], "waiting")
LocalEngine(2).run(Scan(Table.open(sys.argv[3])), stages, table, lambda done: None)
"""


def test_workers_end_with_a_killed_driver(images, tmp_path):
    """In the middle of a batch, and not after it."""
    began = tmp_path / "began"
    began.mkdir()
    arguments = [sys.executable, "-c", DRIVER, str(tmp_path), str(began), images.uri]
    with subprocess.Popen(arguments, cwd=Path(__file__).parents[3]) as driver:
        try:
            end = time.monotonic() + 120
            while len(list(began.iterdir())) < 2:
                assert driver.poll() is None
                assert time.monotonic() < end
                time.sleep(0.1)
        finally:
            driver.kill()
    workers = [int(path.name) for path in began.iterdir()]
    end = time.monotonic() + 5
    while any(is_running(worker) for worker in workers):
        assert time.monotonic() < end, "workers outlive their driver"
        time.sleep(0.05)


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
