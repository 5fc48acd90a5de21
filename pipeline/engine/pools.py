"""How a cluster's processors and GPUs are shared among the stages of a chain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.engine.base import StageSpec


@dataclass(frozen=True)
class Pool:
    """The actors of a stage: what each of them reserves, and how many there may be."""

    cpus: float
    gpus: float
    size: int


def plan_pools(stages: Sequence[StageSpec], cpus: float, gpus: float) -> list[Pool]:
    """Share a cluster among the stages so that one actor of each always fits.

    Ray would wait for ever for a resource that the cluster does not have: without GPUs the
    stages run on processors, and where one actor of each does not fit, all of them reserve
    less.

    Args:
        stages: The stages.
        cpus: Processor cores of the cluster.
        gpus: GPUs of the cluster.
    """
    cpu_shares = _shares([spec.cpus for spec in stages], cpus)
    gpu_shares = _shares([spec.gpus for spec in stages], gpus)
    pools = []
    for cpu, gpu in zip(cpu_shares, gpu_shares, strict=True):
        sizes = [
            (total - (sum(shares) - own)) / own
            for total, shares, own in ((cpus, cpu_shares, cpu), (gpus, gpu_shares, gpu))
            if own > 0
        ]
        pools.append(Pool(cpu, gpu, max(1, math.floor(min(sizes, default=cpus) + 1e-6))))
    return pools


def _shares(wanted: list[float], total: float) -> list[float]:
    scale = min(1.0, total / sum(wanted)) if sum(wanted) else 1.0
    # Ray counts in steps of 1/10,000; rounded up, the sum might not fit.
    return [math.floor(value * scale * 10_000) / 10_000 for value in wanted]
