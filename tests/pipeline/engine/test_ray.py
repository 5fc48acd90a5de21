"""The engine on Ray, on a cluster of this machine with two processors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("ray")

import ray

from pipeline.engine.base import StageSpec
from pipeline.engine.ray import Pool, RayEngine, plan_pools
from tests.pipeline.engine import toys
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


def _spec(cpus: float, gpus: float = 0) -> StageSpec:
    return StageSpec(toys.Reverse, cpus=cpus, gpus=gpus)


@pytest.mark.parametrize(
    ("specs", "cpus", "gpus", "pools"),
    [
        ([_spec(1)], 2, 0, [Pool(1, 0, 2)]),
        ([_spec(1), _spec(1)], 2, 0, [Pool(1, 0, 1), Pool(1, 0, 1)]),
        ([_spec(1), _spec(2)], 2, 0, [Pool(0.6666, 0, 1), Pool(1.3333, 0, 1)]),
        ([_spec(1, 0.5), _spec(1)], 8, 0, [Pool(1, 0, 7), Pool(1, 0, 7)]),
        ([_spec(1, 0.5), _spec(1)], 8, 1, [Pool(1, 0.5, 2), Pool(1, 0, 7)]),
        ([_spec(1, 1), _spec(1, 1)], 8, 1, [Pool(1, 0.5, 1), Pool(1, 0.5, 1)]),
    ],
)
def test_one_actor_of_each_stage_always_fits(
    specs: list[StageSpec], cpus: float, gpus: float, pools: list[Pool]
) -> None:
    assert plan_pools(specs, cpus, gpus) == pools
