"""Training on a cluster with checkpoints on S3: a node that is killed costs no step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("ray")

import ray
from ray.cluster_utils import Cluster

from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.engine.ray import RayEngine
from tag2mask.pipeline.training.checkpoint import Checkpoints
from tests.pipeline.engine.test_ray_train import STOP, assert_same_weights, silent, training
from tests.pipeline.toys import toy_scan
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


class Halting(Checkpoints):
    """Halts at step ``STOP`` until it is killed there, so that no machine is too fast for that."""

    def __init__(self, uri: str, reached: Path) -> None:
        super().__init__(uri)
        self.reached = reached

    def save(self, model, optimizer, step, losses):
        super().save(model, optimizer, step, losses)
        if step == STOP and not self.reached.exists():
            self.reached.touch()
            time.sleep(600)


def test_a_node_that_is_killed_while_training(cluster: Cluster, bucket: str, tmp_path) -> None:
    """The only node goes, and another comes: the weights are those of an undisturbed training."""
    scan = toy_scan(tmp_path / "scan", 10)
    undisturbed = training(scan, Checkpoints(f"{tmp_path}/undisturbed"))
    LocalEngine(1).train(undisturbed, silent)

    reached = tmp_path / "reached"
    work = training(scan, Halting(f"{bucket}/state", reached))
    # The training in a thread, because Ray starts nodes in the main one alone.
    with ThreadPoolExecutor() as pool:
        trained = pool.submit(RayEngine().train, work, silent)
        while not reached.exists():
            assert not trained.done(), trained.result()
            time.sleep(0.1)
        (node,) = cluster.worker_nodes
        cluster.remove_node(node, allow_graceful=False)
        cluster.add_node(num_cpus=1)
        trained.result()
    assert sum(not node["Alive"] for node in ray.nodes()) == 1
    assert_same_weights(work, undisturbed, rtol=0, atol=0)
