"""Pools: one actor of each stage always fits, and the cluster is used."""

from __future__ import annotations

import pytest

from pipeline.engine.base import StageSpec
from pipeline.engine.pools import Pool, plan_pools
from tests.pipeline.engine import toys


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
