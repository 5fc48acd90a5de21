"""The local engine: in this process and in several."""

from __future__ import annotations

import pytest

from pipeline.engine.local import LocalEngine
from tests.pipeline.engine.base_engine import EngineTests, SurvivingEngineTests


class TestInThisProcess(EngineTests):
    @pytest.fixture
    def engine(self) -> LocalEngine:
        return LocalEngine(workers=1)


class TestInProcesses(SurvivingEngineTests):
    @pytest.fixture
    def engine(self) -> LocalEngine:
        return LocalEngine(workers=2)
