"""The engine on Ray on this machine, with two processors and a simulated GPU."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("ray")

import ray

from tag2mask.pipeline.engine.base import StageSpec, WorkSource
from tag2mask.pipeline.engine.ray import RayEngine
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.table_writer import TableWriter
from tests.pipeline.engine import toys
from tests.pipeline.engine.base_engine import SurvivingEngineTests
from tests.pipeline.small_tables import writer


@pytest.fixture(scope="class")
def cluster() -> Iterator[None]:
    ray.shutdown()
    yield
    ray.shutdown()


@pytest.fixture(scope="class")
def gpu_cluster() -> Iterator[None]:
    ray.shutdown()
    ray.init("local", num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
class TestRay(SurvivingEngineTests):
    @pytest.fixture
    def engine(self) -> RayEngine:
        return RayEngine(workers=2)

    def test_a_run_leaves_no_thread(self, engine: RayEngine, images: Table, tmp_path: Path) -> None:
        engine.connect()
        before = threading.active_count()
        target = writer(tmp_path, "seed")
        engine.run(Scan(images), [StageSpec(toys.Reverse)], target, lambda count: None)
        assert threading.active_count() <= before

    def test_a_run_that_failed_frees_its_processors(
        self, engine: RayEngine, images: Table, tmp_path: Path
    ) -> None:
        stages = [StageSpec(toys.MissingModel, {"path": "m.bin"})]
        with pytest.raises(FileNotFoundError) as failure:
            engine.run(Scan(images), stages, writer(tmp_path, "seed"), lambda count: None)
        deadline = time.monotonic() + 120
        while ray.available_resources().get("CPU") != engine.workers:
            assert time.monotonic() < deadline, f"kept, as {failure} is"
            time.sleep(0.1)


class OnGpus(RayEngine):
    """Wants a GPU for every stage, so that other processes read and stage."""

    def run(
        self,
        source: WorkSource,
        stages: Sequence[StageSpec],
        writer: TableWriter,
        progress: Callable[[int], None],
    ) -> None:
        super().run(source, [replace(spec, gpus=1) for spec in stages], writer, progress)


@pytest.mark.slow
@pytest.mark.usefixtures("gpu_cluster")
class TestRayWithGpus(SurvivingEngineTests):
    @pytest.fixture
    def engine(self) -> RayEngine:
        return OnGpus(workers=2)
