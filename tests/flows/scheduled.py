"""Runs that a Prefect server has scheduled, as its interface shows them."""

import time
from datetime import UTC, datetime, timedelta

import httpx


def wait_for(found, seconds=240.0):
    """Wait until a function returns a value other than None, and return it."""
    end = time.monotonic() + seconds
    while (value := found()) is None:
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.5)
    return value


def ask(method: str, url: str, **content) -> httpx.Response:
    """Ask a Prefect server again while it answers 503, which means a busy SQLite database."""

    def answer():
        response = httpx.request(method, url, timeout=30, **content)
        return None if response.status_code == httpx.codes.SERVICE_UNAVAILABLE else response

    return wait_for(answer)


def deployment(server: str, name: str) -> dict | None:
    """A deployment of the flow label, once it is there."""
    answer = ask("GET", f"{server}/deployments/name/label/{name}")
    return answer.json() if answer.status_code == 200 else None


def schedule_run(server: str, deployment_id: str) -> str:
    """Schedules a run of a deployment for in a second, and returns its address."""
    due = datetime.now(UTC) + timedelta(seconds=1)
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}}
    created = ask(
        "POST", f"{server}/deployments/{deployment_id}/create_flow_run", json={"state": state}
    )
    return f"{server}/flow_runs/{created.raise_for_status().json()['id']}"


def end_of(run: str, seconds: float = 300.0) -> dict:
    """A run when it has ended."""

    def ended():
        found = ask("GET", run).json()
        return found if found["state_type"] in ("COMPLETED", "FAILED", "CRASHED") else None

    return wait_for(ended, seconds)
