"""A lease on a folder: of several runs that write to it, one holds it.

Leases are numbered files ``lease-000001.json``; the highest number holds the folder. Creating
the next number is the one step that must be exclusive, see
:meth:`tag2mask.pipeline.tables.storage.Folder.create`. A holder that dies keeps nothing: on the
same machine
its process is looked for, and from elsewhere its heartbeat. The heartbeat is watched for a
change, never compared with a clock, since machines disagree about the time.
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
# Longer than an object store is waited for.
EXPIRY_SECONDS = 60.0
_PREFIX = "lease-"


class Holder(BaseModel):
    """Who holds a folder.

    Attributes:
        token: Of this holding alone.
        machine: Host name and namespace of the process.
        process: Its number there.
        started: When the process was started, as Linux counts; empty elsewhere.
        beats: How often it has said that it is alive.
    """

    model_config = ConfigDict(frozen=True)

    token: str
    machine: str
    process: int
    started: str
    beats: int = 0

    def is_near(self) -> bool:
        """Whether its process can be looked for from here."""
        return self.machine == _machine() and bool(self.started)

    def is_alive(self) -> bool:
        """Whether its process is there, on this machine."""
        return self.started == _start_of(self.process)


@contextmanager
def lease(place: Folder, inside: str = "") -> Iterator[None]:
    """Hold a folder inside a ``with`` block.

    Args:
        place: The folder.
        inside: Where in it the lease is kept.

    Raises:
        UserError: If another run that is alive holds it.
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
        for each in made:  # a run that was refused leaves nothing behind
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
                f"{place.uri} is being written to by {who}: wait until it is done, end it, or "
                "choose another place"
            )
        number = int(last.removeprefix(_PREFIX).removesuffix(".json")) + 1
        mine = f"{_PREFIX}{number:06d}.json"
        if folder.create(mine, me.model_dump_json().encode()):
            folder.remove(names)
            return mine


def _is_over(folder: Folder, name: str) -> bool:
    """Whether the holder of a lease is gone, or has been still for long enough."""
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
    """Who it is; None while the file is being written, or gone."""
    try:
        return Holder.model_validate_json(folder.read(name))
    except (FileNotFoundError, ValidationError):
        return None


def _beat(folder: Folder, name: str, me: Holder, ended: threading.Event) -> None:
    beats = 0
    while not ended.wait(BEAT_SECONDS):
        beats += 1
        # A storage that is ill is the run's business, which asks it for more than this.
        with suppress(UserError, OSError):
            if name not in folder.sizes():
                return  # taken over, after this machine had slept
            folder.write(name, me.model_copy(update={"beats": beats}).model_dump_json().encode())


def _machine() -> str:
    # Containers on one machine may share its name, but not their processes' numbers.
    try:
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _start_of(process: int) -> str:
    """When a process was started; empty where the system has no such file or process."""
    try:
        with open(f"/proc/{process}/stat") as file:
            state, *fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state in "ZX" else fields[18]  # killed, and nobody has asked how it ended
