"""Runs that a Prefect server has scheduled, as its interface shows them."""

import time
from datetime import UTC, datetime, timedelta

import httpx


def wait_for(found, seconds=60.0):
    """What a function returns as soon as it is not None."""
    end = time.monotonic() + seconds
    while (value := found()) is None:
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.5)
    return value


def deployment(server: str, name: str) -> dict | None:
    """A deployment of the flow label, once it is there."""
    answer = httpx.get(f"{server}/deployments/name/label/{name}")
    return answer.json() if answer.status_code == 200 else None


def schedule_run(server: str, deployment_id: str) -> str:
    """Schedules a run of a deployment for in a second, and returns its address."""
    due = datetime.now(UTC) + timedelta(seconds=1)
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}}
    run = httpx.post(
        f"{server}/deployments/{deployment_id}/create_flow_run", json={"state": state}
    ).raise_for_status()
    return f"{server}/flow_runs/{run.json()['id']}"


def end_of(run: str, seconds: float = 120.0) -> dict:
    """A run when it has ended."""

    def ended():
        found = httpx.get(run).json()
        return found if found["state_type"] in ("COMPLETED", "FAILED", "CRASHED") else None

    return wait_for(ended, seconds)
