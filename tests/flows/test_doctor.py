"""The command ``doctor``, also beside a real cluster of two nodes on this machine."""

import os
import subprocess
import sys

import pytest
from ray.cluster_utils import Cluster

from tag2mask.pipeline.doctor.checks import Check
from tests.flows.conftest import REPOSITORY


def test_a_fit_machine(command, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(
        "tag2mask.pipeline.doctor.checks.check_machine", lambda out: iter([Check("python", "3")])
    )
    code, out, err = command("doctor")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].split() == ["ok", "python", "3"]
    assert "RAY_ADDRESS is not set" in out


def test_what_fails_is_said_with_what_mends_it(command, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    checks = [Check("python", "3.14", "install Python 3.12"), Check("gpu", "none")]
    monkeypatch.setattr("tag2mask.pipeline.doctor.checks.check_machine", lambda out: iter(checks))
    code, out, err = command("doctor")
    assert code == 1
    assert [line.split()[0] for line in out.splitlines()] == ["FAIL", "ok", "ok"]
    assert err == "python: install Python 3.12\n"


@pytest.mark.slow
def test_every_node_of_a_cluster_is_asked(tmp_path):
    # An engine that ran here before has set it, and Ray says so on the terminal.
    inherited = {n: value for n, value in os.environ.items() if n != "RAY_BACKEND_LOG_LEVEL"}
    cluster = Cluster()
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=0, include_dashboard=False)
        done = subprocess.run(
            [sys.executable, "-m", "tag2mask.flows.cli", "doctor", "--out", tmp_path / "run"],
            cwd=REPOSITORY,
            env={**inherited, "RAY_ADDRESS": cluster.address, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
    finally:
        cluster.shutdown()
    assert (done.returncode, done.stderr) == (0, "")
    nodes = [line for line in done.stdout.splitlines() if line.startswith("ok    node")]
    assert len(nodes) == 2
    assert all("same versions, same storage" in line for line in nodes)
    assert not list(tmp_path.glob("run/.staging/doctor/*"))
