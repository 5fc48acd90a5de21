"""Training on a cluster with checkpoints on S3: a node that is killed costs no step."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("ray")

import ray
from ray.cluster_utils import Cluster

from pipeline.engine.local import LocalEngine
from pipeline.engine.ray import RayEngine
from pipeline.training.checkpoint import Checkpoints
from tests.pipeline.toys import toy_scan
from tests.pipeline.training.test_ray_train import STEPS, assert_same_weights, silent, training
from tests.survive.conftest import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def cluster(s3: Server) -> Iterator[Cluster]:
    """A head that computes nothing, and one node with one processor."""
    ray.shutdown()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", cluster.address)
        yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_a_node_that_is_killed_while_training(cluster: Cluster, bucket: str, tmp_path) -> None:
    """The only node goes, and another comes: the weights are those of an undisturbed training."""
    scan = toy_scan(tmp_path / "scan", 10)
    undisturbed = training(scan, Checkpoints(f"{tmp_path}/undisturbed"), steps=5 * STEPS)
    LocalEngine(1).train(undisturbed, silent)

    told: list[int] = []

    def report(step: int, losses: object) -> None:
        told.append(step)
        if len(told) == 1:
            (node,) = cluster.worker_nodes
            cluster.remove_node(node, allow_graceful=False)
            cluster.add_node(num_cpus=1)

    work = training(scan, Checkpoints(f"{bucket}/state"), steps=5 * STEPS)
    RayEngine().train(work, report)
    assert told[0] < told[-1] == 5 * STEPS
    assert sum(not node["Alive"] for node in ray.nodes()) == 1
    assert_same_weights(work, undisturbed, rtol=0, atol=0)
