"""The distribution of a cluster's processors and GPUs over the stages of a chain.

A chain is split into groups of stages, and a pool of actors runs each group.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from tag2mask.pipeline.engine.base import StageSpec


@dataclass(frozen=True)
class Node:
    """The resources of one machine of a cluster: processor cores and GPUs."""

    cpus: float
    gpus: float = 0


@dataclass(frozen=True)
class StageGroup:
    """Stages that an actor runs one after another on each of its batches.

    Attributes:
        stages: The stages, at least one.
    """

    stages: tuple[StageSpec, ...]

    @property
    def cpus(self) -> float:
        """Processor cores for each actor."""
        return max(spec.cpus for spec in self.stages)

    @property
    def gpus(self) -> float:
        """GPUs for each actor, at most one."""
        return max(spec.gpus for spec in self.stages)

    @property
    def batch_size(self) -> int:
        """Rows for each batch."""
        return max(spec.batch_size for spec in self.stages)


@dataclass(frozen=True)
class Pool:
    """The actors of a group.

    Attributes:
        cpus: Processor cores that each actor reserves.
        gpus: GPUs that each actor reserves.
        size: Largest number of actors.
    """

    cpus: float
    gpus: float
    size: int


def group_stages(stages: Sequence[StageSpec], nodes: Sequence[Node]) -> list[StageGroup]:
    """Split a chain into groups, one before and one after each GPU stage.

    So GPU stages and processor stages work at the same time and do not wait for each other.
    Consecutive processor stages are one group: separate pools would hold cores while they wait
    for each other. (On two cores, a CRF between two stages that take no time had one core: 6.5
    images a second, where two workers of the local engine made 14.1.)

    Args:
        stages: The stages, in their order.
        nodes: The machines of the cluster. If none has a GPU, all stages are one group.

    Returns:
        The groups, in the order of the chain.
    """
    has_gpus = any(node.gpus >= 1 for node in nodes)
    groups: list[StageGroup] = []
    for on_gpu, group in groupby(stages, lambda spec: has_gpus and spec.gpus > 0):
        specs = tuple(group)
        groups += [StageGroup((spec,)) for spec in specs] if on_gpu else [StageGroup(specs)]
    return groups


def plan_pools(groups: Sequence[StageGroup], nodes: Sequence[Node]) -> list[Pool]:
    """Distribute a cluster over the groups so that one actor of each fits on every node.

    Ray waits for ever for resources that no node has, and an actor that was lost with its node
    restarts only where there is room. So the smallest node decides how much an actor reserves:
    the rest of a cluster can go on, however small it has become.

    A group on GPUs reserves no processors, so that it never waits for those that other groups
    hold on its node. A part of a GPU is always 1/k: only then k actors fill a GPU and no actor
    is split over two.

    Args:
        groups: The groups of a chain. Without GPUs in the cluster, all run on processors.
        nodes: The machines of the cluster.

    Returns:
        One pool for each group.
    """
    gpus = [node.gpus for node in nodes if node.gpus >= 1]
    parts = _parts([group.gpus for group in groups], min(gpus, default=0))
    taken = [1 / part if part else 0.0 for part in parts]
    on_gpu = _sizes(taken, sum(gpus))

    reserved = [0.0 if part else group.cpus for group, part in zip(groups, parts, strict=True)]
    smallest = min((node.cpus for node in nodes if node.cpus > 0), default=math.inf)
    scale = min(1.0, smallest / sum(reserved)) if sum(reserved) else 1.0
    # Their number follows from the processors they keep busy, not from those they reserve.
    feeding = sum(
        group.cpus * n for group, n, part in zip(groups, on_gpu, parts, strict=True) if part
    )
    on_cpu = _sizes(reserved, sum(node.cpus for node in nodes) - feeding)
    return [
        Pool(0.0, _floor(gpu), n) if gpu else Pool(_floor(cpu * scale), 0.0, m)
        for gpu, n, cpu, m in zip(taken, on_gpu, reserved, on_cpu, strict=True)
    ]


def _sizes(needs: Sequence[float], total: float) -> list[int]:
    """The largest number of actors of each group that leaves room for one of each other group."""
    left = total - sum(needs)
    return [1 + max(0, math.floor(left / need + 1e-6)) if need else 1 for need in needs]


def _parts(wanted: Sequence[float], smallest: float) -> list[int]:
    """The number of parts into which each group's GPU is split; 0 for a group without GPU."""
    if not smallest:
        return [0] * len(wanted)
    together = math.ceil(sum(map(bool, wanted)) / math.floor(smallest))
    return [max(together, math.floor(1 / want + 1e-6)) if want else 0 for want in wanted]


def _floor(value: float) -> float:
    # Ray counts in steps of 1/10,000. Rounded up, the sum might not fit.
    return math.floor(value * 10_000 + 1e-6) / 10_000
