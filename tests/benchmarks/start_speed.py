"""Seconds of processor time until a command has said something: ``python -m
tests.benchmarks.start_speed``.

Each start is a new process and is measured three times; the table shows the least, which other
work on the machine disturbs least, as user and system time together.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from dataclasses import dataclass

COMMAND = "from tag2mask.flows.cli import main; main()"


@dataclass(frozen=True)
class Start:
    """A new Python process.

    Args:
        name: Name in the table.
        code: Python code.
        arguments: Arguments of the process.
        exit_code: Its exit code.
    """

    name: str
    code: str = COMMAND
    arguments: tuple[str, ...] = ()
    exit_code: int = 0


def wrong(*arguments: str) -> Start:
    """A command with a path where nothing is."""
    return Start(" ".join(arguments), COMMAND, arguments, 2)


STARTS = (
    Start("import tag2mask", "import tag2mask"),
    Start("import MaskDataset", "from tag2mask import MaskDataset"),
    Start("import RowFilter", "from tag2mask import RowFilter"),
    Start("open_table", "from tag2mask import open_table"),
    Start("--help", arguments=("--help",)),
    Start("--version", arguments=("--version",)),
    *(Start(f"{name} --help", arguments=(name, "--help")) for name in ("label", "predict")),
    wrong("label", "/nowhere", "--out", "/nowhere-else/run"),
    wrong("label", "/nowhere", "--out", "/nowhere-else/run", "--dry-run"),
    wrong("predict", "/nowhere", "images", "--out", "masks"),
    wrong("inspect", "/nowhere"),
    wrong("export", "/nowhere", "--out", "out", "--format", "voc"),
    wrong("review", "/nowhere", "--out", "out"),
    wrong("correct", "/nowhere", "masks"),
    wrong("train", "dcgan", "/nowhere", "--out", "out"),
    wrong("generate", "/nowhere", "--out", "out"),
    wrong("transform", "/nowhere", "images", "--out", "out"),
    wrong("paint", "/nowhere"),
    wrong("versions", "/nowhere"),
    wrong("prune", "/nowhere", "--keep", "1"),
    wrong("serve", "/nowhere", "--out", "/nowhere-else/run"),
)


def seconds(start: Start) -> float:
    """Seconds of processor time of a start and its children.

    Raises:
        RuntimeError: If it ends with another exit code than expected.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", start.code, *start.arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != start.exit_code:
        raise RuntimeError(f"{start.name} ended with {done.returncode}: {done.stderr}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measures every start and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    for start in STARTS:
        least = min(seconds(start) for _ in range(repeats))
        print(f"{least:6.2f} s  {start.name}", flush=True)


if __name__ == "__main__":
    main()
