"""Chains: networks have the GPU, and what follows them on processors does not hold it."""

import pytest

from tag2mask.pipeline.engine.pools import Node, group_stages, plan_pools
from tag2mask.pipeline.labeling.chains import (
    refine_stage,
    relabel_stages,
    score_stage,
    score_walk_stages,
)
from tag2mask.pipeline.labeling.recipe import AffinitySettings, RelabelSettings, SeedSettings
from tag2mask.pipeline.stages.mask_settings import MaskSettings

SEEDS = SeedSettings()
MASKS = MaskSettings()
CHAINS = {
    "seed": [score_stage(SEEDS, "tagger"), refine_stage(SEEDS, "irn", MASKS)],
    "affinity": score_walk_stages(AffinitySettings(), SEEDS, "network", MASKS),
    "relabel": relabel_stages(RelabelSettings(), "segmenter", "initial", MASKS),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_gpu_does_not_wait_for_the_crf(name):
    nodes = [Node(8, 1)]
    network, crf = plan_pools(group_stages(CHAINS[name], nodes), nodes)
    assert (network.cpus, network.gpus) == (0, 1)
    assert (crf.cpus, crf.gpus, crf.size) == (1, 0, 7)


@pytest.mark.parametrize("name", CHAINS)
def test_without_a_gpu_one_process_does_both(name):
    nodes = [Node(8)]
    groups = group_stages(CHAINS[name], nodes)
    assert [group.stages for group in groups] == [tuple(CHAINS[name])]
    assert plan_pools(groups, nodes)[0].size == 8


def test_a_crf_on_the_gpu_shares_it_with_the_network():
    nodes = [Node(8, 1)]
    stages = relabel_stages(RelabelSettings(crf_method="torch"), "segmenter", "initial", MASKS)
    assert [pool.gpus for pool in plan_pools(group_stages(stages, nodes), nodes)] == [0.5, 0.5]
