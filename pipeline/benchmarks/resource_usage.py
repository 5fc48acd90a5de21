"""Processor time and memory of this process and all its descendants (Linux)."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from pathlib import Path

from pydantic import BaseModel

MEBIBYTE = 2**20
INTERVAL_SECONDS = 0.5


class Usage(BaseModel):
    """Peaks and sums over a span of time.

    Attributes:
        cpu_seconds: Processor time of all processes, including those that have ended.
        driver_mib: Peak of this process's private memory, in MiB.
        others_mib: Peak of the descendants' private memory, in MiB, summed over them.
        shared_mib: Peak of the shared memory that one process touched, in MiB: Ray's object
            store.
    """

    cpu_seconds: float = 0
    driver_mib: float = 0
    others_mib: float = 0
    shared_mib: float = 0


class UsageMeter:
    """A context that samples the usage of this process and its descendants."""

    def __init__(self) -> None:
        self.usage = Usage()
        self._cpu: dict[tuple[int, str], float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="meter", daemon=True)

    def __enter__(self) -> UsageMeter:
        """Begin sampling."""
        self._before = sum(self._sample().values())
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """End after a last sample."""
        self._stop.set()
        self._thread.join()
        self._cpu.update(self._sample())
        self.usage.cpu_seconds = sum(self._cpu.values()) - self._before

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL_SECONDS):
            self._cpu.update(self._sample())

    def _sample(self) -> dict[tuple[int, str], float]:
        """Record the memory; return the processor time of each process so far."""
        own, others, shared = 0.0, 0.0, 0.0
        cpu = {}
        for pid in _family(os.getpid()):
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue  # it has just ended
            memory = _memory(status)
            own += memory["RssAnon"] if pid == os.getpid() else 0
            others += memory["RssAnon"] if pid != os.getpid() else 0
            shared = max(shared, memory["RssShmem"])
            # A process id may be used again; the start time distinguishes the processes.
            cpu[pid, fields[19]] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        usage = self.usage
        usage.driver_mib = max(usage.driver_mib, own)
        usage.others_mib = max(usage.others_mib, others)
        usage.shared_mib = max(usage.shared_mib, shared)
        return cpu


def _family(root: int) -> list[int]:
    """The process and its descendants."""
    children = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            children[int(parent)].append(int(entry.name))
    family = [root]
    for pid in family:
        family += children[pid]
    return family


def _memory(status: str) -> dict[str, float]:
    """Sizes in MiB by their names in /proc/PID/status; zero for missing names."""
    found: dict[str, float] = defaultdict(float)
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name.startswith("Rss"):
            found[name] = int(value.split()[0]) * 1024 / MEBIBYTE
    return found
