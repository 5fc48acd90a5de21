"""A crash leaves the old table or the new one, and all staged rows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tag2mask.pipeline.records import IMAGES_SCHEMA
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.small_tables import (
    SHARDS,
    expected_fingerprint,
    files,
    image_rows,
    round_rows,
    stage_in_pieces,
    writer,
)


class Crash(BaseException):
    """The process is gone: nothing may catch this."""


CHANGES = ("add", "write", "adopt", "replace", "move", "remove", "remove_all")


def crash_at(monkeypatch: pytest.MonkeyPatch, step: int, after: bool) -> None:
    """Die before, or right after, the n-th change to the storage."""
    left = [step]

    def dying(change: Any) -> Any:
        def call(*args: Any, **settings: Any) -> Any:
            left[0] -= 1
            if left[0] < 0 and not after:
                raise Crash
            result = change(*args, **settings)
            if left[0] < 0:
                raise Crash
            return result

        return call

    for name in CHANGES:
        monkeypatch.setattr(Folder, name, dying(getattr(Folder, name)))


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_step_of_a_commit_loses_nothing(
    root: str, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    fresh = writer(f"{root}/undisturbed", "seed", key="new")
    stage_in_pieces(fresh, round_rows(20, b"new "))
    fresh.commit()
    expected = files(f"{root}/undisturbed/seed")
    crashes = 0
    for step in range(100):
        run = f"{root}/run{step}"
        old = writer(run, "seed")
        old.stage(round_rows(30))
        old_rows = list(old.commit().rows())
        new = writer(run, "seed", key="new", staging=f"{run}/.staging/new")
        stage_in_pieces(new, round_rows(20, b"new "))
        with monkeypatch.context() as patch:
            crash_at(patch, step, after)
            try:
                new.commit()
                break
            except Crash:
                crashes += 1
        table = Table.open(f"{run}/seed")
        table.verify()
        assert table.manifest.key == "new" or list(table.rows()) == old_rows
        again = writer(run, "seed", key="new", staging=f"{run}/.staging/new")
        assert Table.exists(f"{run}/seed", "new") or len(again.staged_ids()) == 20
        again.commit()
        assert files(f"{run}/seed") == expected
    assert crashes >= SHARDS + 2


KILLED = """
    import sys, time
    from tests.pipeline.engine.toys import Reverse
    from tag2mask.pipeline.engine import build_engine
    from tag2mask.pipeline.engine.base import StageSpec, build_table
    from tag2mask.pipeline.tables.scan import Scan
    from tag2mask.pipeline.tables.table import Table
    from tests.pipeline.small_tables import writer

    if __name__ == "__main__":
        root, images, engine, workers = sys.argv[1:]
        stages = [StageSpec(Reverse, {"seconds": 0.02}, batch_size=4)]
        build_table(build_engine(engine, int(workers)), Scan(Table.open(images)), stages,
                    writer(root, "seed"), lambda count: print(count, flush=True))
"""


@pytest.mark.parametrize(
    ("engine", "workers", "count"),
    [
        ("local", 1, 100),
        pytest.param("local", 2, 200, marks=pytest.mark.slow),
        pytest.param("ray", 2, 300, marks=pytest.mark.slow),
    ],
)
def test_a_killed_run_goes_on_where_it_stopped(
    tmp_path: Path, engine: str, workers: int, count: int
) -> None:
    images = writer(tmp_path, "images", IMAGES_SCHEMA)
    rows = image_rows(count)
    images.stage(rows)
    images.commit()
    script = tmp_path / "run.py"
    script.write_text(textwrap.dedent(KILLED))
    command = [
        sys.executable,
        str(script),
        str(tmp_path),
        str(tmp_path / "images"),
        engine,
        str(workers),
    ]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 32:
                process.send_signal(signal.SIGKILL)
                break
    staged = writer(tmp_path, "seed").staged_rows()
    assert 32 <= staged < count
    assert not Table.exists(f"{tmp_path}/seed", "key-of-seed")
    again = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    # The workers of a killed driver still finish the unit that they are at.
    assert staged <= int(again.stdout.splitlines()[0]) < count
    table = Table.open(f"{tmp_path}/seed")
    assert sorted(table.ids()) == sorted(row["id"] for row in rows)
    masks = {row["id"]: row["image"]["bytes"][::-1] for row in rows}
    assert table.fingerprint == expected_fingerprint(masks)


WRITING = """
    import sys
    from tag2mask.pipeline.tables.storage import Folder

    def write(file):
        file.write(b"half")
        file.flush()
        print("half written", flush=True)
        sys.stdin.read()

    Folder(sys.argv[1]).add(write, lambda digest: "00000-00007-abc.parquet")
"""


def test_a_half_written_file_is_never_counted(tmp_path: Path) -> None:
    target = writer(tmp_path, "seed")
    target.stage(round_rows(5))
    staged = tmp_path / ".staging" / "seed" / "staged"
    names = sorted(staged.iterdir())
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITING), str(staged)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    assert sorted(staged.iterdir()) != names
    assert target.staged_rows() == 5
    assert len(target.commit()) == 5
    assert not (tmp_path / ".staging" / "seed").exists()
