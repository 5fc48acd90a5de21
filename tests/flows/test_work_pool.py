"""prefect.yaml deployed, and a worker of its pool that picks a scheduled run up."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.flows.conftest import REPOSITORY
from tests.flows.scheduled import deployment, end_of, schedule_run, wait_for


def prefect(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "prefect", "--no-prompt", *arguments]


@pytest.fixture
def deployments(finished, source, recipe_file, tmp_path) -> Path:
    """The file as it is, but for where the images and the run are."""
    content = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())
    nightly = next(entry for entry in content["deployments"] if entry["name"] == "nightly")
    nightly["parameters"] |= {
        "source": str(source),
        "out": str(finished.folder),
        "recipe": yaml.safe_load(Path(recipe_file).read_text()),
        "engine": "local",
        "workers": 1,
    }
    content["deployments"] = [nightly]
    file = tmp_path / "prefect.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_worker_picks_a_scheduled_run_up(prefect_server, deployments, tmp_path):
    environment = {**os.environ, "PREFECT_API_URL": prefect_server, "OMP_NUM_THREADS": "1"}
    for arguments in (
        ["work-pool", "create", "tag2mask", "--type", "process"],
        ["deploy", "--all", "--prefect-file", str(deployments)],
    ):
        done = subprocess.run(
            prefect(*arguments), cwd=REPOSITORY, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    made = wait_for(lambda: deployment(prefect_server, "nightly"))
    assert [entry["schedule"]["cron"] for entry in made["schedules"]] == ["0 3 * * *"]
    run = schedule_run(prefect_server, made["id"])
    log = tmp_path / "log"
    with log.open("wb") as output:
        # Elsewhere: a worker runs the installed package, not what lies in its folder.
        worker = subprocess.Popen(
            prefect("worker", "start", "--pool", "tag2mask"),
            cwd=tmp_path,
            env={**environment, "PREFECT_WORKER_QUERY_SECONDS": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            assert end_of(run, 240)["state_type"] == "COMPLETED", log.read_text()
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(timeout=180)
    assert "nothing new in the source since version 1" in log.read_text()
