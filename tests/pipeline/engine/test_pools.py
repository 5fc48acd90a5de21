"""Pools: one actor of each group always fits, and the cluster is used."""

from __future__ import annotations

import pytest

from tag2mask.pipeline.engine.base import StageSpec
from tag2mask.pipeline.engine.pools import Node, Pool, StageGroup, group_stages, plan_pools
from tests.pipeline.engine import toys


def _spec(cpus: float, gpus: float = 0) -> StageSpec:
    return StageSpec(toys.Reverse, cpus=cpus, gpus=gpus)


CPU, GPU = _spec(1), _spec(1, 1)


@pytest.mark.parametrize(
    ("specs", "node", "groups"),
    [
        ([CPU, GPU, CPU], Node(2), [3]),
        ([CPU, GPU, CPU], Node(2, 1), [1, 1, 1]),
        ([CPU, CPU, GPU, CPU, CPU], Node(2, 1), [2, 1, 2]),
        # Two stages on GPUs are busy at once.
        ([GPU, GPU, CPU, CPU], Node(2, 1), [1, 1, 2]),
    ],
)
def test_a_chain_is_split_between_gpus_and_processors(
    specs: list[StageSpec], node: Node, groups: list[int]
) -> None:
    found = group_stages(specs, [Node(1), node])
    assert [len(group.stages) for group in found] == groups
    assert [spec for group in found for spec in group.stages] == specs


def test_a_group_has_the_largest_needs_of_its_stages() -> None:
    group = StageGroup(
        (StageSpec(toys.Reverse, cpus=2, batch_size=4), StageSpec(toys.Reverse, gpus=0.5))
    )
    assert (group.cpus, group.gpus, group.batch_size) == (2, 0.5, 8)


@pytest.mark.parametrize(
    ("specs", "nodes", "pools"),
    [
        ([CPU], [Node(2)], [Pool(1, 0, 2)]),
        ([CPU, CPU], [Node(2)], [Pool(1, 0, 1), Pool(1, 0, 1)]),
        ([CPU, _spec(2)], [Node(2)], [Pool(0.6666, 0, 1), Pool(1.3333, 0, 1)]),
        ([CPU, CPU], [Node(8)], [Pool(1, 0, 7), Pool(1, 0, 7)]),
        # A GPU that is not there is not waited for.
        ([_spec(1, 0.5), CPU], [Node(8)], [Pool(1, 0, 7), Pool(1, 0, 7)]),
        # The processors that feed the GPU are left free, but not reserved.
        ([GPU, CPU], [Node(8, 1)], [Pool(0, 1, 1), Pool(1, 0, 7)]),
        ([_spec(1, 0.5), CPU], [Node(8, 1)], [Pool(0, 0.5, 2), Pool(1, 0, 6)]),
        ([GPU, GPU], [Node(8, 1)], [Pool(0, 0.5, 1), Pool(0, 0.5, 1)]),
        ([GPU, GPU, GPU], [Node(8, 2)], [Pool(0, 0.5, 2)] * 3),
        ([_spec(1, 0.4), CPU], [Node(8, 1)], [Pool(0, 0.5, 2), Pool(1, 0, 6)]),
        # Each node alone could carry on: the head has no processors, another no GPU.
        ([CPU, CPU], [Node(0), Node(1), Node(1)], [Pool(0.5, 0, 1), Pool(0.5, 0, 1)]),
        ([GPU, CPU, CPU], [Node(0), Node(4, 1), Node(4, 4)], [Pool(0, 1, 5), *[Pool(1, 0, 2)] * 2]),
        # Nothing is there yet.
        ([CPU, CPU], [Node(0)], [Pool(1, 0, 1), Pool(1, 0, 1)]),
    ],
)
def test_one_actor_of_each_group_fits_on_every_node(
    specs: list[StageSpec], nodes: list[Node], pools: list[Pool]
) -> None:
    assert plan_pools([StageGroup((spec,)) for spec in specs], nodes) == pools


@pytest.mark.parametrize("stages", range(1, 8))
@pytest.mark.parametrize("gpus", range(1, 5))
def test_no_actor_is_split_over_two_gpus(stages: int, gpus: int) -> None:
    pools = plan_pools([StageGroup((GPU,))] * stages, [Node(16, gpus)])
    k = round(1 / pools[0].gpus)
    assert 0 <= 1 / k - pools[0].gpus < 1e-4
    assert gpus * k >= stages
