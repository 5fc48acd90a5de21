"""A cluster of several nodes with a table on S3: the same as on one machine, whoever dies."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("ray")

import ray
from ray.cluster_utils import Cluster

from tag2mask.pipeline.engine.base import StageSpec, build_table
from tag2mask.pipeline.engine.ray import RayEngine
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.engine import toys
from tests.pipeline.small_tables import expected_fingerprint, image_rows, images_table, writer
from tests.survive.conftest import BUCKET, Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

COUNT = 120
MASKS = {row["id"]: toys.mask_of(row["image"]["bytes"]) for row in image_rows(COUNT)}


class Stamped(toys.Reverse):
    """Says in a column when it was busy, as seconds from and to."""

    def __init__(self, column: str) -> None:
        super().__init__(seconds=0.05)
        self.column = column

    def __call__(self, rows: list[Row]) -> list[Row]:
        begun = time.time()
        made = super().__call__(rows)
        return [{**row, self.column: f"{begun} {time.time()}"} for row in made]


@pytest.fixture(scope="module")
def cluster(s3: Server) -> Iterator[Cluster]:
    """A head that computes nothing, and three nodes with one processor, one of them a GPU."""
    ray.shutdown()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for gpus in (1, 0, 0):
        cluster.add_node(num_cpus=1, num_gpus=gpus)
    cluster.wait_for_nodes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", cluster.address)
        yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture(scope="module")
def images(s3: Server) -> Scan:
    return Scan(images_table(f"s3://{BUCKET}/cluster", COUNT))


def assert_whole(table: Table) -> None:
    assert sorted(table.ids()) == sorted(MASKS)
    assert table.fingerprint == expected_fingerprint(MASKS)


@pytest.mark.usefixtures("cluster")
def test_gpu_and_processors_are_busy_at_once(images: Scan, bucket: str) -> None:
    stages = [
        StageSpec(Stamped, {"column": "source"}, gpus=1, batch_size=4),
        StageSpec(Stamped, {"column": "model"}, batch_size=4),
    ]
    table = build_table(RayEngine(), images, stages, writer(bucket, "seed"), lambda n: None)
    assert_whole(table)
    rows = list(table.rows(["source", "model"]))
    gpu, cpu = (
        sorted({tuple(map(float, row[column].split())) for row in rows})
        for column in ("source", "model")
    )
    # Counted in batches and not in seconds, which a busy machine spends between the batches.
    early = sum(begin < gpu[-1][1] for begin, _ in cpu)
    assert early > len(cpu) / 4, f"{early} of {len(cpu)} batches while the GPU was not done"


def test_a_node_that_is_killed_while_scoring(cluster: Cluster, images: Scan, bucket: str) -> None:
    """Two of three nodes go, so that one processor is left for two stages."""
    kills: list[threading.Thread] = []

    def kill() -> None:
        for node in list(cluster.worker_nodes)[:2]:
            cluster.remove_node(node, allow_graceful=False)

    def progress(count: int) -> None:
        if 0 < count < COUNT and not kills:
            kills.append(threading.Thread(target=kill))
            kills[0].start()

    stages = [StageSpec(toys.Reverse, {"seconds": 0.1}, batch_size=4) for _ in range(2)]
    table = build_table(RayEngine(), images, stages, writer(bucket, "seed"), progress)
    kills[0].join()
    assert sum(node["Alive"] for node in ray.nodes()) == 2, "the head and one more"
    assert_whole(table)
