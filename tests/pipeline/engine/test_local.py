"""The local engine: in this process and in several."""

from __future__ import annotations

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
