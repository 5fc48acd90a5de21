"""A count of worker deaths by piece of work, in an actor that survives these deaths."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.actor import ActorHandle


class CrashCounter:
    """A count, for the whole cluster, of pieces of work that began and never ended.

    Ray Data repeats a task that kills its worker without end. The counter outlives the worker,
    so the next worker can find out how many died before it.
    """

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()
        self._broken: set[int] = set()

    def begin(self, work: str) -> int:
        """Count one more attempt; return the number of earlier ones."""
        self._begun[work] += 1
        return self._begun[work] - 1

    def end(self, work: str) -> None:
        """Remove a finished piece of work from the count."""
        del self._begun[work]

    def give_up(self, stage: int) -> None:
        """Mark a stage as broken: every worker that loads it dies."""
        self._broken.add(stage)

    def is_broken(self, stage: int) -> bool:
        """Whether a stage was marked as broken."""
        return stage in self._broken


def start_crash_counter() -> ActorHandle:
    """Start the counter of one run as a Ray actor that survives the loss of its node.

    End it with ``ray.kill``.
    """
    # Ray's types take what options() returns for the class itself.
    remote: Any = ray.remote(CrashCounter)
    return remote.options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()


@contextmanager
def counted(crashes: ActorHandle, *work: object) -> Iterator[int]:
    """Count a piece of work while it runs; yield the number of workers that died on it before."""
    name = hashlib.sha256(repr(work).encode()).hexdigest()
    methods: Any = crashes  # Ray adds the methods at run time, so mypy cannot find them
    deaths = methods.begin.remote(name)
    try:
        yield ray.get(deaths)
    finally:
        ray.get(methods.end.remote(name))
