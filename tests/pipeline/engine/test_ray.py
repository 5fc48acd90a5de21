"""The engine on Ray, on a cluster of this machine with two processors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray")

import ray

from pipeline.engine.base import StageSpec
from pipeline.engine.ray import RayEngine
from pipeline.tables.scan import Scan
from pipeline.tables.table import Table
from tests.pipeline.engine import toys
from tests.pipeline.engine.base_engine import SurvivingEngineTests
from tests.pipeline.small_tables import writer


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

    def test_a_run_that_failed_frees_its_processors(
        self, engine: RayEngine, images: Table, tmp_path: Path
    ) -> None:
        stages = [StageSpec(toys.MissingModel, {"path": "m.bin"})]
        with pytest.raises(FileNotFoundError) as failure:
            engine.run(Scan(images), stages, writer(tmp_path, "seed"), lambda count: None)
        deadline = time.monotonic() + 10
        while ray.available_resources().get("CPU") != engine.workers:
            assert time.monotonic() < deadline, f"kept, as {failure} is"
            time.sleep(0.1)
