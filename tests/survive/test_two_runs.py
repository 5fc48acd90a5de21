"""Two runs on one folder at once: one is told so in a sentence, the other finishes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.survive.steps import result, write_source

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# As the command line does it; both are loaded before either begins.
ONE = """
import sys
from tag2mask.pipeline.errors import UserError
from tests.survive.steps import label

print("ready", flush=True)
sys.stdin.readline()
try:
    label(*sys.argv[1:])
except UserError as error:
    sys.exit(f"tag2mask: {error}")
"""


def test_one_of_two_wins(tmp_path: Path) -> None:
    write_source(f"{tmp_path}/source")
    command = [sys.executable, "-c", ONE, f"{tmp_path}/source", f"{tmp_path}/run"]
    both = [
        subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        process.stdout.readline()
    for process in both:
        assert process.stdin is not None
        process.stdin.write("begin\n")
        process.stdin.flush()
    ends = [process.communicate()[1] for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) == [0, 1], ends
    said = next(text for text in ends if "tag2mask" in text)
    winner = both[codes.index(0)].pid
    assert f"{tmp_path}/run is being written to by process {winner}" in said
    assert result(f"{tmp_path}/run")
