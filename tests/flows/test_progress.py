"""Bars on a terminal, whose bytes the test reads."""

from __future__ import annotations

import io
import logging

import pytest
from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TextColumn

from tag2mask.flows.console import ConsoleHandler, LogFormat, configure_logging
from tag2mask.flows.progress import BarReporter, build_reporter
from tag2mask.pipeline.progress import LogReporter


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


@pytest.fixture
def bars(screen):
    handler = configure_logging()
    handler.console.file = screen
    columns = (TextColumn("{task.description} {task.fields[counts]}"),)
    return Bars(*columns, console=Console(file=screen, width=100), auto_refresh=False)


def test_a_bar_becomes_one_line(bars, screen):
    reporter = BarReporter(bars)
    update = reporter.rows("seed", 40)
    update(10)
    bars.refresh()
    assert bars.tasks[0].completed == 10
    assert "seed 10/40 images" in screen.getvalue()
    update(40)
    assert not bars.tasks
    assert not bars.live.is_started
    assert "seed 40/40 images" in screen.getvalue().splitlines()[-1]
    update(40)  # a late report opens nothing
    assert not bars.tasks


def test_a_training_shows_its_losses(bars):
    update = BarReporter(bars).steps("tagger", 50)
    update(10, {"loss": 0.25})
    assert bars.tasks[0].fields["counts"] == "10/50 steps · loss 0.250"


def test_a_new_step_takes_the_bar_of_a_failed_one_away(bars):
    reporter = BarReporter(bars)
    reporter.rows("seed", 40)(10)
    reporter.rows("initial", 20)
    assert [task.description for task in bars.tasks] == ["initial"]


def test_a_terminal_gets_bars(screen, monkeypatch):
    monkeypatch.setattr("sys.stderr", screen)
    configure_logging()
    assert isinstance(build_reporter(), BarReporter)


@pytest.mark.parametrize(
    ("level", "log_format", "term"),
    [
        (logging.INFO, LogFormat.json, "xterm"),
        (logging.WARNING, LogFormat.text, "xterm"),
        (logging.INFO, LogFormat.text, "dumb"),
    ],
)
def test_no_bars(screen, monkeypatch, level, log_format, term):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("sys.stderr", screen)
    configure_logging(level, log_format)
    assert isinstance(build_reporter(), LogReporter)


def test_a_file_gets_lines(capsys):
    configure_logging()
    build_reporter().info("a line")
    assert capsys.readouterr() == ("", "a line\n")


def test_who_has_set_up_nothing_sees_the_log(capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    build_reporter().info("a line")
    assert capsys.readouterr() == ("", "a line\n")


def test_logging_that_is_set_up_stays(monkeypatch, capsys):
    mine = io.StringIO()
    monkeypatch.setattr(logging.getLogger(), "handlers", [logging.StreamHandler(mine)])
    logging.getLogger("tag2mask").setLevel(logging.INFO)
    build_reporter().info("a line")
    assert mine.getvalue() == "a line\n"
    assert capsys.readouterr() == ("", "")
    handlers = logging.getLogger("tag2mask").handlers
    assert not any(isinstance(handler, ConsoleHandler) for handler in handlers)
