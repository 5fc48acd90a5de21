"""The log on standard error: what each option shows, and in which format."""

from __future__ import annotations

import json
import logging

import pytest

from tag2mask.flows.cli import global_options_first
from tag2mask.flows.console import LogFormat, configure_logging
from tag2mask.pipeline.progress import StepProgress, log_progress

logger = logging.getLogger("tag2mask")


def write_all():
    logger.debug("a detail")
    logger.info("a line of [brackets] :smile:")
    logger.warning("a warning")
    logger.error("an error")


@pytest.mark.parametrize(
    ("level", "first"),
    [(logging.DEBUG, 0), (logging.INFO, 1), (logging.WARNING, 2)],
)
def test_levels(capsys, level, first):
    configure_logging(level)
    write_all()
    lines = ["a detail", "a line of [brackets] :smile:", "tag2mask: a warning"]
    assert capsys.readouterr().err.splitlines() == [*lines, "tag2mask: an error"][first:]


def test_long_lines_stay_whole(capsys):
    configure_logging()
    logger.info("word " * 100)
    assert capsys.readouterr().err == "word " * 100 + "\n"


def test_every_line_of_json_is_an_object(capsys):
    configure_logging(log_format=LogFormat.json)
    logger.warning("two\nlines")
    log_progress(StepProgress("seed", "images", 10, 40, rate=2.0))
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["level"], first["message"]) == ("warning", "two\nlines")
    assert second["message"] == "seed 10/40 images · 2.0 images/s · 15 s left"
    assert second["progress"]["seconds_left"] == 15.0
    assert first.keys() == {"time", "level", "message"}


def test_configuring_again_writes_nothing_twice(capsys):
    configure_logging()
    configure_logging()
    logger.info("a line")
    assert capsys.readouterr().err == "a line\n"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("label S --quiet --out R", "--quiet label S --out R"),
        ("--verbose label S", "--verbose label S"),
        ("label S --log-format json --out R", "--log-format json label S --out R"),
        ("label S --log-format=json", "--log-format=json label S"),
        ("label S --log-format", "--log-format label S"),
        ("label -- --quiet", "label -- --quiet"),
    ],
)
def test_the_log_s_options_may_stand_behind_the_command(written, read):
    assert global_options_first(written.split()) == read.split()


@pytest.mark.usefixtures("prefect_server")
def test_an_error_is_one_line(command, tmp_path):
    code, out, err = command("label", tmp_path / "none", "--out", tmp_path / "run")
    assert (code, out) == (2, "")
    assert err.startswith("tag2mask: the source ")
    assert err.count("\n") == 1


@pytest.mark.usefixtures("prefect_server")
def test_an_error_as_json(command, tmp_path):
    code, _, err = command(
        "label", tmp_path / "none", "--out", tmp_path / "run", "--log-format", "json"
    )
    assert code == 2
    assert json.loads(err)["level"] == "error"


def test_quiet_and_verbose_exclude_each_other(command):
    code, _, err = command("--quiet", "--verbose", "doctor")
    assert code == 2
    assert "--quiet" in err
