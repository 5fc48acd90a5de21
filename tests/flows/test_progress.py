"""Progress in the terminal: on standard error, and not too often."""

import pytest

import tag2mask.flows.progress
from tag2mask.flows.progress import Terminal


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves."""
    now = [0.0]
    monkeypatch.setattr(tag2mask.flows.progress.time, "monotonic", lambda: now[0])
    return now


def test_results_and_progress_do_not_mix(capsys):
    Terminal().say("a line")
    assert capsys.readouterr() == ("", "a line\n")


def test_images_are_counted(capsys):
    Terminal().rows("seed", 40)(40)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("seed 40/40 images")


def test_training_is_told_every_ten_seconds_and_at_the_end(capsys, clock):
    report = Terminal().steps("tagger", 50)
    for step in range(1, 51):
        clock[0] += 1
        report(step, {"loss": 0.5})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert lines[0] == "tagger step 10/50 · loss 0.500 · 40 s left"
    assert lines[-1] == "tagger step 50/50 · loss 0.500"


def test_a_resumed_training_does_not_count_the_steps_before(capsys, clock):
    report = Terminal().steps("tagger", 160)
    for step in range(101, 112):
        clock[0] += 1
        report(step, {"loss": 0.5})
    assert capsys.readouterr().err == "tagger step 110/160 · loss 0.500 · 50 s left\n"
