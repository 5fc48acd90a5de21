"""A lease on a folder: only one run at a time may write to it.

Leases are numbered files ``lease-000001.json``; the highest number holds the folder. Only the
creation of the next number must be exclusive, see
:meth:`tag2mask.pipeline.tables.storage.Folder.create`. A holder that dies loses its lease. A run
on the same machine looks for the holder's process, a run elsewhere for its heartbeat. The
heartbeat is watched for changes and never compared with a clock, because the clocks of machines
differ.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os.path import exists

from pydantic import BaseModel, ConfigDict, ValidationError

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.storage import Folder

BEAT_SECONDS = 5.0
# Longer than the retries of requests to an object store.
EXPIRY_SECONDS = 60.0
_PREFIX = "lease-"


class Holder(BaseModel):
    """The holder of a folder.

    Attributes:
        token: Random token of this lease.
        machine: Host name and process namespace.
        process: Process number on that machine.
        started: Start time of the process in Linux's clock ticks since boot; empty on other
            systems.
        beats: Number of heartbeats so far.
    """

    model_config = ConfigDict(frozen=True)

    token: str
    machine: str
    process: int
    started: str
    beats: int = 0

    def is_near(self) -> bool:
        """Whether the process can be looked up on this machine."""
        return self.machine == _machine() and bool(self.started)

    def is_alive(self) -> bool:
        """Whether the process runs on this machine."""
        return self.started == _start_of(self.process)


@contextmanager
def lease(place: Folder, inside: str = "") -> Iterator[None]:
    """Hold a folder inside a ``with`` block.

    Args:
        place: The folder.
        inside: Subfolder for the lease files; empty for the folder itself.

    Raises:
        UserError: If another living run holds the folder.
    """
    me = Holder(
        token=uuid.uuid4().hex,
        machine=_machine(),
        process=os.getpid(),
        started=_start_of(os.getpid()),
    )
    folder = place.folder(inside) if inside else place
    made = [each for each in dict.fromkeys((folder, place)) if each.local and not exists(each.uri)]
    name = _take(place, folder, me)
    ended = threading.Event()
    heart = threading.Thread(target=_beat, args=(folder, name, me, ended), daemon=True)
    heart.start()
    try:
        yield
    finally:
        ended.set()
        heart.join()
        folder.remove([name])
        for each in made:  # a refused run leaves no empty folders behind
            each.remove_empty()


def _take(place: Folder, folder: Folder, me: Holder) -> str:
    while True:
        names = [name for name in folder.sizes() if name.startswith(_PREFIX)]
        last = max(names, default=f"{_PREFIX}{0:06d}.json")
        if names and not _is_over(folder, last):
            holder = _holder(folder, last)
            host = holder.machine.partition(" ")[0] if holder else ""
            who = f"process {holder.process} on {host}" if holder else "another run"
            raise UserError(
                f"{place.uri} is being written to by {who}: wait until that run has finished, stop "
                "it, or choose another place"
            )
        number = int(last.removeprefix(_PREFIX).removesuffix(".json")) + 1
        mine = f"{_PREFIX}{number:06d}.json"
        if folder.create(mine, me.model_dump_json().encode()):
            folder.remove(names)
            return mine


def _is_over(folder: Folder, name: str) -> bool:
    """Whether the holder of a lease is gone, or has sent no heartbeat for long enough."""
    holder = _holder(folder, name)
    if holder and holder.is_near():
        return not holder.is_alive()
    patience = time.monotonic() + EXPIRY_SECONDS
    while time.monotonic() < patience:
        time.sleep(BEAT_SECONDS / 5)
        if name not in folder.sizes():
            return True
        now = _holder(folder, name)
        if holder and now and now != holder:
            return False
        holder = now
    return True


def _holder(folder: Folder, name: str) -> Holder | None:
    """The holder of a lease; None while the file is being written, or after its removal."""
    try:
        return Holder.model_validate_json(folder.read(name))
    except (FileNotFoundError, ValidationError):
        return None


def _beat(folder: Folder, name: str, me: Holder, ended: threading.Event) -> None:
    beats = 0
    while not ended.wait(BEAT_SECONDS):
        beats += 1
        # Storage errors are left to the run, which uses the storage much more.
        with suppress(UserError, OSError):
            if name not in folder.sizes():
                return  # another run took over while this machine was suspended
            folder.write(name, me.model_copy(update={"beats": beats}).model_dump_json().encode())


def _machine() -> str:
    # Containers on one machine may share its name, but not their processes' numbers.
    try:
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _start_of(process: int) -> str:
    """The start time of a process; empty if the system has no such file or process."""
    try:
        with open(f"/proc/{process}/stat") as file:
            state, *fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else fields[18]  # Z and X: killed, but not yet reaped
