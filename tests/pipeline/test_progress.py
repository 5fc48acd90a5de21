"""Progress lines, with a clock that the test turns."""

from __future__ import annotations

import io

import pytest

from tag2mask.pipeline.progress import Progress, duration


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_line_says_done_total_speed_and_time_left(clock: Clock) -> None:
    progress = Progress(2952, "seed", io.StringIO(), clock)
    progress.update(0)
    clock.now += 100
    progress.update(1234)
    assert progress.line() == "seed 1,234/2,952 images · 12.3 images/s · 2 min left"


def test_what_an_earlier_run_did_makes_no_speed(clock: Clock) -> None:
    progress = Progress(100, "seed", io.StringIO(), clock)
    progress.update(60)
    assert progress.line() == "seed 60/100 images"
    clock.now += 5
    progress.update(70)
    assert progress.line() == "seed 70/100 images · 2.0 images/s · 15 s left"


def test_the_speed_is_the_present_one(clock: Clock) -> None:
    progress = Progress(10_000, "seed", io.StringIO(), clock)
    done = 0
    for seconds, images in [(10, 1)] * 20 + [(10, 100)] * 20:
        clock.now += seconds
        done += images
        progress.update(done)
    assert "10.0 images/s" in progress.line()


def test_a_stall_slows_the_speed(clock: Clock) -> None:
    progress = Progress(100, "seed", io.StringIO(), clock)
    progress.update(0)
    clock.now += 10
    progress.update(10)
    clock.now += 90
    assert "0.1 images/s" in progress.line()


def test_counts_never_go_back_or_beyond(clock: Clock) -> None:
    progress = Progress(10, "seed", io.StringIO(), clock)
    for done in (0, 5, 3, 5):
        progress.update(done)
    assert progress.line().startswith("seed 5/10 images")
    progress.update(12)
    assert progress.line().startswith("seed 10/10 images")


def test_a_log_gets_plain_lines_now_and_then(clock: Clock) -> None:
    stream = io.StringIO()
    progress = Progress(100, "seed", stream, clock)
    for done in range(101):
        progress.update(done)
        clock.now += 1
    progress.update(100)
    progress.close()
    lines = stream.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == [f"{n}/100" for n in range(0, 101, 10)]
    assert lines[-1] == "seed 100/100 images · 1.0 images/s"


def test_a_terminal_gets_one_line_that_is_redrawn(clock: Clock) -> None:
    stream = Terminal()
    progress = Progress(100, "seed", stream, clock)
    for done in range(0, 101, 10):
        progress.update(done)
        clock.now += 1
    progress.close()
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.count("\r") == 11
    assert text.endswith("\n")
    # The last line is shorter than the one before: nothing of that may be left to see.
    assert text.rstrip("\n").rsplit("\r", 1)[1].rstrip() == "seed 100/100 images · 10.0 images/s"
    assert len(text.rsplit("\r", 1)[1]) >= len(text.rsplit("\r", 2)[1])


def test_an_empty_step_is_done_at_once(clock: Clock) -> None:
    stream = io.StringIO()
    Progress(0, "seed", stream, clock).update(0)
    assert stream.getvalue() == "seed 0/0 images\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.1, "1 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3000, "50 min"),
        (3599, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert duration(seconds) == text
