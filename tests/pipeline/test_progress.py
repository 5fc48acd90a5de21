"""Progress measured with a clock that the test turns, and the log lines about it."""

from __future__ import annotations

import logging

import pytest

from tag2mask.pipeline.progress import LogReporter, Meter, duration


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_line_says_done_total_rate_and_time_left(clock: Clock) -> None:
    meter = Meter("seed", 2952, "images", clock)
    meter.update(0)
    clock.now += 100
    assert str(meter.update(1234)) == "seed 1,234/2,952 images · 12.3 images/s · 2 min left"


def test_the_values_of_a_line(clock: Clock) -> None:
    meter = Meter("tagger", 50, "steps", clock)
    meter.update(0)
    clock.now += 10
    assert meter.update(10, {"loss": 0.5}).record() == {
        "step": "tagger",
        "unit": "steps",
        "done": 10,
        "total": 50,
        "rate": 1.0,
        "seconds_left": 40.0,
        "losses": {"loss": 0.5},
    }


def test_images_of_an_earlier_run_make_no_rate(clock: Clock) -> None:
    meter = Meter("seed", 100, "images", clock)
    assert str(meter.update(60)) == "seed 60/100 images"
    clock.now += 5
    assert str(meter.update(70)) == "seed 70/100 images · 2.0 images/s · 15 s left"


def test_the_rate_is_the_present_one(clock: Clock) -> None:
    meter = Meter("seed", 10_000, "images", clock)
    done = 0
    for seconds, images in [(10, 1)] * 20 + [(10, 100)] * 20:
        clock.now += seconds
        done += images
        progress = meter.update(done)
    assert progress.rate == 10.0


def test_a_stall_slows_the_rate(clock: Clock) -> None:
    meter = Meter("seed", 100, "images", clock)
    meter.update(0)
    clock.now += 10
    meter.update(10)
    clock.now += 90
    assert meter.update(10).rate == 0.1


def test_counts_never_go_back_or_beyond(clock: Clock) -> None:
    meter = Meter("seed", 10, "images", clock)
    assert [meter.update(done).done for done in (0, 5, 3, 5, 12)] == [0, 5, 5, 5, 10]


def test_a_line_every_ten_seconds_and_one_at_the_end(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tag2mask")
    update = LogReporter(clock).rows("seed", 95)
    for done in range(96):
        update(done)
        clock.now += 1
    update(95)
    counts = [record.progress["done"] for record in caplog.records]  # type: ignore[attr-defined]
    assert counts == [*range(10, 91, 10), 95]
    assert caplog.messages[-1] == "seed 95/95 images · 1.0 images/s"


def test_a_training_says_its_losses(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tag2mask")
    update = LogReporter(clock).steps("tagger", 160)
    for step in range(101, 112):
        clock.now += 1
        update(step, {"loss": 0.5})
    # The steps before the first one are those of an earlier run.
    assert caplog.messages == ["tagger 110/160 steps · loss 0.500 · 1.0 steps/s · 50 s left"]


def test_an_empty_step_is_done_at_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tag2mask")
    LogReporter(clock).rows("seed", 0)(0)
    assert caplog.messages == ["seed 0/0 images"]


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
