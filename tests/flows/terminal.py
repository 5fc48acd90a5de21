"""A command in a pseudo-terminal, as a person starts and stops it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
COMMAND = "from tag2mask.flows.cli import main; main()"
MARK = "TAG2MASK_TEST_TERMINAL"


class Terminal:
    """A pseudo-terminal whose foreground group is one command."""

    def __init__(self, arguments: tuple[object, ...], environment: Mapping[str, str], code: str):
        self.mark = uuid.uuid4().hex
        self.master, slave = pty.openpty()

        def take_terminal() -> None:
            os.setsid()
            # A suite that nohup started hands an ignored signal on, which a command rightly keeps.
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=REPOSITORY,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**environment, MARK: self.mark, "OMP_NUM_THREADS": "1", "TERM": "xterm"},
            preexec_fn=take_terminal,
        )
        os.close(slave)
        self.text = ""

    def read(self, seconds: float) -> None:
        """Read what is shown within some seconds, or until the command has ended."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.master], [], [], min(left, 0.2))[0]:
                if self.process.poll() is not None:
                    return
                continue
            try:
                data = os.read(self.master, 65536)
            except OSError:  # nobody has the terminal open any more
                return
            self.text += data.decode(errors="replace")

    def wait_for(self, pattern: str, seconds: float = 300) -> None:
        """Wait until the shown text matches a pattern."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, f"{pattern} is not shown: {self.text}"
            assert self.process.poll() is None, f"ended before {pattern}: {self.text}"
            self.read(0.2)

    def press_ctrl_c(self) -> None:
        """Send the character that the terminal turns into SIGINT to its foreground group."""
        os.write(self.master, b"\x03")

    def end(self, seconds: float = 60) -> tuple[int, float]:
        """Wait for the end; the exit code, and the seconds that it took."""
        started = time.monotonic()
        while self.process.poll() is None and time.monotonic() - started < seconds:
            self.read(0.1)
        took = time.monotonic() - started
        assert self.process.poll() is not None, f"still running after {seconds} s: {self.text}"
        self.read(0.3)
        return self.process.returncode, took

    def survivors(self) -> dict[int, str]:
        """The command lines of the processes that the command has left behind."""
        found = {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError):
                if (
                    f"{MARK}={self.mark}".encode()
                    not in Path("/proc", name, "environ").read_bytes()
                ):
                    continue
                command = Path("/proc", name, "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(name)] = command.decode(errors="replace")
        return found


@contextmanager
def terminal(
    *arguments: object, environment: Mapping[str, str] | None = None, code: str = COMMAND
) -> Iterator[Terminal]:
    """A command line that runs in a terminal of its own, without a configured Prefect server."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PREFECT_API")}
    opened = Terminal(arguments, clean if environment is None else environment, code)
    try:
        yield opened
    finally:
        for process in opened.survivors():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        opened.process.wait()
        with suppress(OSError):
            os.close(opened.master)
