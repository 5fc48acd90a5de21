"""``tag2mask serve``: a process that picks scheduled runs up, with either kind of server."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version

from tag2mask.flows.serve import check
from tag2mask.pipeline.errors import UserError
from tests.flows.conftest import REPOSITORY
from tests.flows.scheduled import ask, deployment, end_of, schedule_run, wait_for

SERVE = "from tag2mask.flows.cli import main; main()"


@contextmanager
def served(arguments, environment, log: Path) -> Iterator[subprocess.Popen]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, "serve", *map(str, arguments)],
            cwd=REPOSITORY,
            env={**environment, "OMP_NUM_THREADS": "1", "PREFECT_RUNNER_POLL_FREQUENCY": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=120)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def logs_of(server, run):
    """The log lines of a run, once there are some."""
    wanted = {"logs": {"flow_run_id": {"any_": [run.rsplit("/", 1)[-1]]}}}
    return ask("POST", f"{server}/logs/filter", json=wanted).json() or None


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_scheduled_run_is_picked_up(prefect_server, finished, source, recipe_file, tmp_path):
    """By a server on loopback that was there already."""
    options = ["--recipe", recipe_file, "--engine", "local", "--workers", "1"]
    arguments = [source, "--out", finished.folder, "--name", "picked-up", *options]
    environment = {**os.environ, "PREFECT_API_URL": prefect_server}
    with served([*arguments, "--cron", "0 3 * * *"], environment, tmp_path / "log"):
        made = wait_for(lambda: deployment(prefect_server, "picked-up"))
        assert [entry["schedule"]["cron"] for entry in made["schedules"]] == ["0 3 * * *"]
        assert made["parameters"]["out"] == str(finished.folder)
        assert made["parameter_openapi_schema"]["properties"]["recipe"]["$ref"]
        run = schedule_run(prefect_server, made["id"])
        assert end_of(run)["state_type"] == "COMPLETED", (tmp_path / "log").read_text()
        lines = wait_for(lambda: logs_of(prefect_server, run))
    assert any("images: " in line["message"] and line["name"] == "tag2mask" for line in lines)
    assert "nothing new in the source since version 1" in (tmp_path / "log").read_text()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    Version(version("sqlalchemy")) >= Version("2.1"),
    reason="Prefect's scheduler cannot insert its runs with SQLAlchemy 2.1: install an older one",
)
def test_a_server_of_its_own_makes_the_runs_of_the_schedule(source, recipe_file, tmp_path):
    environment = {name: text for name, text in os.environ.items() if "PREFECT_" not in name}
    environment |= {"PREFECT_HOME": str(tmp_path / "prefect")}
    options = ["--recipe", recipe_file, "--engine", "local", "--cron", "0 3 * * *"]
    log = tmp_path / "log"
    with served([source, "--out", tmp_path / "run", *options], environment, log) as process:

        def address():
            assert process.poll() is None, log.read_text()
            lines = [line for line in log.read_text().splitlines() if "is served; see " in line]
            return lines[0].rpartition(" ")[2] + "/api" if lines else None

        server = wait_for(address, 180)

        def scheduled():
            wanted = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}, "limit": 1}
            found = ask("POST", f"{server}/flow_runs/filter", json=wanted).json()
            return found[0] if found else None

        run = wait_for(scheduled, 120)
    assert "T03:00:00" in run["expected_start_time"]
    assert run["parameters"]["source"] == str(source)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"{server}/health", timeout=5)


@pytest.mark.parametrize(
    ("changes", "cron", "says"),
    [
        ({}, "at three", "'0 3 \\* \\* \\*'"),
        ({"source": "absent"}, None, "absent"),
        ({"engine": "spark"}, None, "'spark'"),
        ({"out": "nowhere://bucket/run"}, "0 3 * * *", "nowhere"),
    ],
)
def test_what_a_run_would_stumble_over_is_said_at_once(tmp_path, changes, cron, says):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat/one.png").write_bytes(b"")
    parameters = {"source": str(tmp_path), "out": str(tmp_path / "run"), "engine": "local"}
    with pytest.raises(UserError, match=says):
        check(cron, {**parameters, "workers": 1, **changes})
    assert not (tmp_path / "run").exists()


def test_a_server_that_does_not_answer_is_said(command, tmp_path, monkeypatch):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    (tmp_path / "images/cat").mkdir(parents=True)
    (tmp_path / "images/cat/one.png").write_bytes(b"")
    arguments = ("serve", tmp_path / "images", "--out", tmp_path / "run", "--engine", "local")
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert "no Prefect server answers at http://127.0.0.1:1/api" in err
    assert json.dumps(str(tmp_path)) not in out
