"""Leases: one holder at a time, and none that is dead."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import fsspec
import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables import lease as module
from tag2mask.pipeline.tables.lease import Holder, lease
from tag2mask.pipeline.tables.storage import Folder


@pytest.fixture(params=["local", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Folder]:
    yield Folder(str(tmp_path / "run") if request.param == "local" else "memory://leases/run")
    fsspec.filesystem("memory").store.clear()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits."""
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(module, "EXPIRY_SECONDS", 0.5)


def elsewhere(folder: Folder, beats: int = 0) -> None:
    """A holder on another machine."""
    holder = Holder(token="t", machine="other", process=1, started="1", beats=beats)
    folder.write("lease-000007.json", holder.model_dump_json().encode())


def test_the_error_names_the_holder(folder: Folder) -> None:
    with lease(folder):
        with pytest.raises(UserError, match=f"written to by process {os.getpid()} on"):
            ExitStack().enter_context(lease(folder))
        assert len(folder.sizes()) == 1
    assert folder.sizes() == {}
    with lease(folder):
        pass


def test_of_many_at_once_one_gets_it(folder: Folder) -> None:
    def attempt(_: int) -> bool:
        try:
            stack.enter_context(lease(folder))
        except UserError:
            return False
        return True

    with ExitStack() as stack, ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(attempt, range(8))) == 1


KILLED = """
import os, signal, sys
from tag2mask.pipeline.tables.lease import lease
from tag2mask.pipeline.tables.storage import Folder

with lease(Folder(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_holder_that_was_killed_keeps_nothing(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie holds nothing
        assert len(list(tmp_path.iterdir())) == 1
        with lease(Folder(str(tmp_path))):
            assert [path.name for path in tmp_path.iterdir()] == ["lease-000002.json"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("soon")
def test_a_holder_elsewhere_is_alive_while_its_heart_beats(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats = iter(range(100))
    elsewhere(folder, 1000)
    monkeypatch.setattr(
        "tag2mask.pipeline.tables.lease.time.sleep", lambda seconds: elsewhere(folder, next(beats))
    )
    with pytest.raises(UserError, match="process 1 on other"):
        ExitStack().enter_context(lease(folder))


@pytest.mark.usefixtures("soon")
def test_a_holder_elsewhere_without_heartbeat_has_lost_it(folder: Folder) -> None:
    elsewhere(folder)
    with lease(folder):
        assert list(folder.sizes()) == ["lease-000008.json"]


@pytest.mark.usefixtures("soon")
def test_the_heart_beats(folder: Folder) -> None:
    with lease(folder):
        name = next(iter(folder.sizes()))
        first = folder.read(name)
        while folder.read(name) == first:
            pass
