"""The engine on Ray, on a cluster of this machine with two processors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("ray")

import ray

from pipeline.engine.ray import RayEngine
from tests.pipeline.engine.base_engine import SurvivingEngineTests


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    yield
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
class TestRay(SurvivingEngineTests):
    @pytest.fixture
    def engine(self) -> RayEngine:
        return RayEngine(workers=2)
