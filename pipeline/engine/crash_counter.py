"""A count of the workers that died on a piece of work, kept where no such death reaches it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.actor import ActorHandle


class CrashCounter:
    """Counts for the whole cluster how often a piece of work was begun and never ended.

    Ray Data repeats without end a task that kills its worker. The crashes outlives the worker
    and tells the next one that it is not the first.
    """

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()
        self._broken: set[int] = set()

    def begin(self, work: str) -> int:
        """Count one more try and return how many there were before it."""
        self._begun[work] += 1
        return self._begun[work] - 1

    def end(self, work: str) -> None:
        """Forget a piece of work that was finished."""
        del self._begun[work]

    def give_up(self, stage: int) -> None:
        """Remember that a stage kills whoever loads it."""
        self._broken.add(stage)

    def is_broken(self, stage: int) -> bool:
        """Whether loading a stage was given up."""
        return stage in self._broken


def start_crash_counter() -> ActorHandle:
    """A crashes for one run, which outlives the node it is on; end it with ``ray.kill``."""
    # Ray's types take what options() returns for the class itself.
    remote: Any = ray.remote(CrashCounter)
    return remote.options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()


@contextmanager
def counted(crashes: ActorHandle, *work: object) -> Iterator[int]:
    """The number of workers that died on this work already."""
    name = hashlib.sha256(repr(work).encode()).hexdigest()
    methods: Any = crashes  # made from the class at run time, unknown to the checker
    deaths = methods.begin.remote(name)
    try:
        yield ray.get(deaths)
    finally:
        ray.get(methods.end.remote(name))
