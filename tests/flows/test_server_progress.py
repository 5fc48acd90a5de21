"""Progress artifacts: at most every ten seconds, and never in the way of the work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from uuid import UUID, uuid4

import pytest
from prefect.runtime import flow_run
from prefect.settings import (
    PREFECT_API_REQUEST_TIMEOUT,
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)

from tag2mask.flows.artifacts import key_of
from tag2mask.flows.server_logs import flow_reporter
from tag2mask.flows.server_progress import ServerReporter, tolerate_silence
from tag2mask.flows.task import flow, step
from tests.flows.scheduled import ask

MODULE = "tag2mask.flows.server_progress"


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Console:
    """Records what is shown on the console."""

    def __init__(self) -> None:
        self.shown: list[object] = []

    def info(self, sentence: str) -> None:
        self.shown.append(sentence)

    def rows(self, step: str, total: int) -> Callable[[int], None]:
        return lambda done: self.shown.append((step, done, total))

    def steps(self, step: str, total: int) -> Callable[[int, Mapping[str, float]], None]:
        return lambda done, losses: self.shown.append((step, done, total, losses))


class Server:
    """Records what it is asked for; answers nothing while it is away."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.away = False

    def create(self, progress: float, key: str, description: str) -> UUID:
        self._ask("create", progress, key, description)
        return uuid4()

    def update(self, artifact: UUID, progress: float, description: str) -> None:
        self._ask("update", progress, artifact, description)

    def _ask(self, *question: object) -> None:
        self.asked.append(question)
        if self.away:
            raise ConnectionError("nobody answers")


@pytest.fixture
def server(monkeypatch):
    server = Server()
    monkeypatch.setattr(f"{MODULE}.create_progress_artifact", server.create)
    monkeypatch.setattr(f"{MODULE}.update_progress_artifact", server.update)
    return server


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def reporter(clock):
    return ServerReporter(Console(), lambda step: f"progress-{step}-run", clock)


def test_a_long_step_is_updated_every_ten_seconds(server, clock, reporter):
    update = reporter.rows("seed", 200)
    for second in range(100):
        clock.now = second
        update(2 * second)
    clock.now = 99.5
    update(200)
    update(200)
    assert server.asked[0][:3] == ("create", 10.0, "progress-seed-run")
    assert str(server.asked[0][3]).startswith("seed 20/200 images · 2.0 images/s")
    assert [kind for kind, *_ in server.asked] == ["create", *["update"] * 9]
    assert [percent for _, percent, *_ in server.asked] == [*range(10, 100, 10), 100]
    assert len({artifact for kind, _, artifact, _ in server.asked if kind == "update"}) == 1


def test_a_training_shows_its_losses(server, clock, reporter):
    update = reporter.steps("tagger", 100)
    clock.now = 10
    update(25, {"loss": 0.5})
    assert server.asked[0][1] == 25
    assert "25/100 steps · loss 0.500" in str(server.asked[0][3])


def test_a_short_step_has_no_artifact(server, clock, reporter):
    update = reporter.rows("seed", 20)
    for second in range(10):
        clock.now = second
        update(2 * second)
    update(20)
    reporter.rows("nothing", 0)(0)
    assert server.asked == []


def test_everything_is_shown_on_the_console_too(server, clock):
    console = Console()
    reporter = ServerReporter(console, str, clock)
    reporter.info("a line")
    reporter.rows("seed", 4)(1)
    reporter.steps("tagger", 5)(2, {"loss": 1.0})
    assert console.shown == ["a line", ("seed", 1, 4), ("tagger", 2, 5, {"loss": 1.0})]


def test_a_server_that_is_gone_is_asked_every_minute(server, clock, reporter, caplog):
    server.away = True
    update = reporter.rows("seed", 1000)
    with caplog.at_level(logging.WARNING, "tag2mask"):
        for second in range(0, 135, 5):
            clock.now = second
            update(second)
    assert len(server.asked) == 3, "after 10, 70 and 130 seconds"
    assert caplog.messages == [
        "Prefect's UI lacks the progress of the step seed for now: nobody answers"
    ]
    server.away = False
    for second in range(135, 215, 5):
        clock.now = second
        update(second)
    assert [kind for kind, *_ in server.asked] == ["create"] * 4 + ["update"] * 2


def test_a_silent_server_fails_no_run(caplog):
    with caplog.at_level(logging.WARNING, "tag2mask"), tolerate_silence("summary"):
        assert PREFECT_API_REQUEST_TIMEOUT.value() == 30
        assert PREFECT_CLIENT_MAX_RETRIES.value() == 2
        raise ConnectionError("nobody answers")
    assert caplog.messages == ["Prefect's UI lacks the summary: nobody answers"]
    with pytest.raises(KeyboardInterrupt), tolerate_silence("summary"):
        raise KeyboardInterrupt


def test_only_a_configured_server_is_told():
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        assert not isinstance(flow_reporter(), ServerReporter)
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}):
        assert isinstance(flow_reporter(), ServerReporter)


@pytest.mark.slow
def test_prefect_stores_the_progress(prefect_server, tmp_path):
    clock = Clock()

    @step
    def work(reporter: ServerReporter) -> None:
        update = reporter.rows("relabel 猫", 8)
        for done in range(1, 9):
            clock.now += 10
            update(done)

    @flow(name="progress")
    def long_flow(out: str) -> str:
        reporter = flow_reporter()
        assert isinstance(reporter, ServerReporter)
        reporter._clock = clock
        work(reporter)
        return str(flow_run.id)

    wanted = {"artifacts": {"flow_run_id": {"any_": [long_flow(f"{tmp_path}/run")]}}}
    found = ask("POST", f"{prefect_server}/artifacts/filter", json=wanted).json()
    (artifact,) = found
    assert artifact["type"] == "progress"
    assert artifact["key"] == key_of("progress-relabel", f"{tmp_path}/run")
    assert artifact["data"] == 100
    assert artifact["description"].startswith("relabel 猫 8/8 images")
    assert artifact["task_run_id"]
