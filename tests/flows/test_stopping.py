"""Ctrl-C, SIGTERM and a closed terminal: seconds, one sentence, nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest

from tag2mask.flows.cli import stop_sentence
from tests.flows.terminal import terminal

# A command that does what code says, after it has started a child with a child of its own. The
# second one leads a session of its own, and its parent ends at once.
TOY = """
import os, signal, subprocess, sys, time
from pathlib import Path
from tag2mask.flows.console import configure_logging
from tag2mask.flows.stopping import stop_on_signals
from tag2mask.pipeline.engine.child_processes import terminal_signals_blocked

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
PARENT = "import subprocess, sys; subprocess.Popen(sys.argv[1:], start_new_session=True)"

configure_logging()
with stop_on_signals("the same command continues"):
    with terminal_signals_blocked():
        subprocess.Popen(SLEEP)
    subprocess.run([sys.executable, "-c", PARENT, *SLEEP])
    {code}
"""

WAIT = """
    print("ready", flush=True)
    try:
        time.sleep(600)
    finally:
        Path(sys.argv[1]).write_text("unwound")
        raise RuntimeError("a library that stumbles over the end")
"""

# Swallows every exception, as a library may.
STUBBORN = """
    print("ready", flush=True)
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass
"""

# Prefect and Ray install handlers of their own.
REPLACED = """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    print("ready", flush=True)
    while True:
        time.sleep(600)
"""

FORKED = """
    child = os.fork()
    if child == 0:
        time.sleep(600)
    time.sleep(0.2)
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)
    time.sleep(0.5)
    print("ready", flush=True)
    time.sleep(600)
"""

SLEEPY = """
    print("ready", flush=True)
    time.sleep(600)
"""

CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


def stop(opened, how):
    """Stop a command; the exit code must come within five seconds."""
    process = opened.process.pid
    if how == "ctrl-c":
        opened.press_ctrl_c()
    elif how.startswith("group "):
        os.killpg(process, signal.Signals[how.removeprefix("group ")])
    else:
        os.kill(process, signal.Signals[how])
    code, seconds = opened.end()
    assert seconds < 5, f"{how}: {seconds:.1f} s"
    name = "SIGINT" if how == "ctrl-c" else how.removeprefix("group ")
    assert code == CODES[name], opened.text
    assert opened.survivors() == {}
    assert "Traceback" not in opened.text
    sentences = re.findall(r"tag2mask: stopped by .*", opened.text)
    assert len(sentences) == 1, opened.text
    assert sentences[0].startswith(f"tag2mask: stopped by {name}: ")
    assert "the same command" in sentences[0]


def toy(code, *arguments):
    return terminal(*arguments, code=TOY.replace("{code}", code.strip()))


@pytest.mark.parametrize("how", ["ctrl-c", "SIGTERM", "SIGHUP", "group SIGINT", "group SIGTERM"])
def test_a_command_stops_at_once_with_all_its_processes(tmp_path, how):
    with toy(WAIT, tmp_path / "unwound") as opened:
        opened.wait_for("ready")
        # The resource tracker of multiprocessing is the fourth.
        assert len(opened.survivors()) == 4
        stop(opened, how)
    assert (tmp_path / "unwound").read_text() == "unwound"


@pytest.mark.parametrize("code", [STUBBORN, REPLACED], ids=["stubborn", "replaced"])
def test_code_that_ignores_the_signal_ends_as_well(code):
    with toy(code) as opened:
        opened.wait_for("ready")
        stop(opened, "SIGTERM")


def test_a_closed_terminal():
    with toy(STUBBORN) as opened:
        opened.wait_for("ready")
        os.close(opened.master)
        opened.master = os.open(os.devnull, os.O_RDONLY)
        assert opened.process.wait(5) == 129
        assert opened.survivors() == {}


def test_a_signal_to_a_forked_child_stops_the_child_alone():
    with toy(FORKED) as opened:
        opened.wait_for("ready")
        assert opened.process.poll() is None
        stop(opened, "ctrl-c")


def test_an_ignored_signal_stays_ignored():
    """As under nohup."""
    ignored = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    with terminal(code=ignored + TOY.replace("{code}", SLEEPY.strip())) as opened:
        opened.wait_for("ready")
        os.kill(opened.process.pid, signal.SIGHUP)
        time.sleep(1)
        assert opened.process.poll() is None
        stop(opened, "SIGTERM")


LABEL = ("label", "SOURCE", "--out", "RUN", "--recipe", "RECIPE", "--workers", "2")
CASES = {
    "listing": ("ctrl-c", r"images .*0/34", (*LABEL, "--engine", "local")),
    "scoring": ("ctrl-c", "seed", (*LABEL, "--engine", "local")),
    "training": ("group SIGTERM", "initial.*steps", (*LABEL, "--engine", "local")),
    "relabeling": ("SIGHUP", "powerful.*images", (*LABEL, "--engine", "local")),
    "dry run": ("ctrl-c", "timed on", (*LABEL, "--engine", "local", "--dry-run")),
    "ray listing": ("ctrl-c", r"images .*0/34", (*LABEL, "--engine", "ray")),
    "ray training": ("SIGTERM", "tagger.*steps", (*LABEL, "--engine", "ray")),
    "ray scoring": ("ctrl-c", r"seed .*0/", (*LABEL, "--engine", "ray")),
    "benchmark": (
        "SIGTERM",
        r"images .*0/",
        ("benchmark", "table1", "SOURCE", "--out", "RUN", "--recipe", "RECIPE"),
    ),
}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("case", CASES)
def test_a_run_stops_in_any_step(case, source, recipe_file, tmp_path):
    """With the server that Prefect embeds, the workers, or Ray."""
    how, shown, arguments = CASES[case]
    places = {"SOURCE": source, "RUN": tmp_path / "run", "RECIPE": recipe_file}
    with terminal(*(places.get(each, each) for each in arguments)) as opened:
        opened.wait_for(shown, 1200)
        time.sleep(0.5)
        stop(opened, how)
    if case == "dry run":
        assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_prediction_stops_and_continues(tmp_path):
    from tests.pipeline.stored_models import stored_model
    from tests.pipeline.toys import image_row

    model = stored_model(tmp_path, "segmenter", "deeplab_v1", 8)
    (tmp_path / "images").mkdir()
    for number in range(400):
        data = image_row(number, [1])["image"]["bytes"]
        (tmp_path / f"images/{number:03d}.png").write_bytes(data)
    out = tmp_path / "masks"
    with terminal("predict", model, tmp_path / "images", "--out", out) as opened:
        opened.wait_for("predict .*[1-9][0-9]*/400")
        stop(opened, "ctrl-c")
    made = {path.name: path.stat().st_mtime_ns for path in out.glob("*.png")}
    assert 0 < len(made) < 400
    with terminal("predict", model, tmp_path / "images", "--out", out) as opened:
        assert opened.end(300)[0] == 0
        assert "masks are finished and kept" in opened.text
    assert len(list(out.glob("*.png"))) == 400
    assert {name: (out / name).stat().st_mtime_ns for name in made} == made


def test_nothing_stays_behind_in_a_process_that_goes_on():
    """As in a test or a notebook that calls the command line's function."""
    from tag2mask.flows.stopping import SIGNALS, stop_on_signals

    before = [signal.getsignal(number) for number in SIGNALS]
    environment = dict(os.environ)
    with stop_on_signals("never said"):
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert dict(os.environ) == environment
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.parametrize(
    ("arguments", "continues"),
    [
        (["label", "photos", "--out", "run"], True),
        (["--log-format=json", "predict", "m", "i", "--out", "o"], True),
        (["label", "photos", "--out", "run", "--dry-run"], False),
        (["export", "d", "--out", "o"], False),
        ([], False),
    ],
)
def test_the_sentence_says_what_the_same_command_does(arguments, continues):
    sentence = stop_sentence(arguments)
    assert "the same command" in sentence
    assert ("continues" in sentence) == continues
