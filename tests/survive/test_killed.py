"""SIGKILL in every step of a run, one after another, and the last incarnation finishes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.survive.steps import MODELS, TABLES, write_source

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# Forked, so that the libraries are loaded once and not for each life.
LIVES = """
import json, os, sys
from tests.survive.steps import Mortal, label

source, out, *victims = sys.argv[1:]
for victim in victims:
    life = os.fork()
    if not life:
        label(source, out, Mortal(victim))
        os._exit(0)
    print(victim, os.waitstatus_to_exitcode(os.waitpid(life, 0)[1]), file=sys.stderr)
print(json.dumps(label(source, out)))
"""


def live(source: Path, out: Path, *victims: str) -> tuple[dict[str, str], list[str]]:
    ended = subprocess.run(
        [sys.executable, "-c", LIVES, str(source), str(out), *victims],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout), ended.stderr.splitlines()


def test_a_run_that_is_killed_in_every_step(tmp_path: Path) -> None:
    write_source(f"{tmp_path}/source")
    undisturbed, _ = live(tmp_path / "source", tmp_path / "undisturbed")
    # The order is that of the run, so that each life comes further than the one before.
    victims = [TABLES[0], "models/tagger", TABLES[1]]
    victims += [name for model in MODELS[1:] for name in (f"models/{model}", f"rounds/{model}")]
    victims += ["dataset"]
    assert set(victims) == {*TABLES, *(f"models/{name}" for name in MODELS)}
    survivor, deaths = live(tmp_path / "source", tmp_path / "killed", *victims)
    assert deaths == [f"{victim} -9" for victim in victims]
    assert survivor == undisturbed
    assert not [path for path in (tmp_path / "killed/.staging").rglob("*") if path.is_file()]
