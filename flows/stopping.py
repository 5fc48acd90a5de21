"""Stopping a command: Ctrl-C, SIGTERM and the end of the terminal take seconds, not minutes.

A stopped command says one sentence, unwinds for a moment, ends every process that it has started,
however deep, and exits with 128 and the signal's number: 130, 143 or 129. What was finished is on
the storage already, so nothing needs to be saved.

Libraries replace Python's signal handlers (Prefect during a flow, Ray when it starts) and a long
call into compiled code delays them. The system's own record of the signals is read by a thread,
which sees each signal at once and holds the deadline.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

from tag2mask.flows.console import LOGGER, console_handlers

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Time to unwind: to remove temporary files and to tell a Prefect server about the end.
UNWIND_SECONDS = 1.5
_SAY_SECONDS = 0.5
_KILL_SECONDS = 1.0
# In the environment of every process that a command starts, and of those that they start.
_MARK = "TAG2MASK_COMMAND"


class Stopped(BaseException):
    """Raised in the main thread when a command is stopped; no error, so nothing retries it."""


class Stop:
    """The stop of one command.

    Args:
        sentence: The sentence that a stopped command says.
    """

    def __init__(self, sentence: str) -> None:
        self.sentence = sentence
        self.number = 0
        self.mark = f"{os.getpid()}-{uuid.uuid4().hex}"
        self._first = threading.Lock()
        self._ending = threading.Lock()
        self._said = threading.Event()

    def begin(self, number: int) -> bool:
        """Begin to stop; return whether this is the first signal, which decides the exit code."""
        if not self._first.acquire(blocking=False):
            return False
        self.number = number
        threading.Thread(target=self._hold_deadline, daemon=True).start()
        threading.Thread(target=self._say, daemon=True).start()
        return True

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Python's handler of the signals, in the main thread.

        Raises:
            Stopped: At the first call.
        """
        # Only one handler runs at a time, so no lock: a signal may have begun the stop before.
        signal.signal(number, _ignore)
        self.begin(number)
        self._said.wait(_SAY_SECONDS)
        raise Stopped

    def end(self) -> NoReturn:
        """End the processes that the command started, and this one."""
        if not self._ending.acquire(blocking=False):
            threading.Event().wait()  # another thread ends this process
        self._said.wait(_SAY_SECONDS)
        with suppress(Exception):
            sys.stdout.flush()
        try:
            kill_processes(self.mark)
        finally:
            os._exit(128 + self.number)

    def _hold_deadline(self) -> None:
        time.sleep(UNWIND_SECONDS)
        self.end()

    def _say(self) -> None:
        # A line of another thread that meets a closed handler is no error to show.
        logging.raiseExceptions = False
        try:
            for handler in console_handlers():
                handler.close()  # takes the bars away
            name = signal.Signals(self.number).name
            logging.getLogger(LOGGER).warning("stopped by %s: %s", name, self.sentence)
            # What libraries print from here on is about the stop: tracebacks, lost connections.
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), 2)
        finally:
            self._said.set()


_current: Stop | None = None
_before: dict[int, Any] = {}


@contextmanager
def stop_on_signals(sentence: str) -> Iterator[None]:
    """Run a command that SIGINT, SIGTERM and SIGHUP stop; this process ends with it.

    Signals that are ignored, as SIGHUP under ``nohup``, stay ignored. Outside of the main thread
    nothing changes, because Python leaves signals to the main thread.

    Args:
        sentence: What a stopped command says, behind the name of the signal.
    """
    global _current
    if threading.current_thread() is not threading.main_thread() or _current is not None:
        yield
        return
    stop = _current = Stop(sentence)
    with _watched(stop), _handled(stop), _marked(stop):
        try:
            yield
        finally:
            _current = None
            if stop.number:
                stop.end()


@contextmanager
def _handled(stop: Stop) -> Iterator[None]:
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            _before[number] = signal.signal(number, stop.handle)
    try:
        yield
    finally:
        _restore()


@contextmanager
def _marked(stop: Stop) -> Iterator[None]:
    earlier = os.environ.get(_MARK)
    os.environ[_MARK] = stop.mark
    try:
        yield
    finally:
        if earlier is None:
            del os.environ[_MARK]
        else:
            os.environ[_MARK] = earlier


@contextmanager
def _watched(stop: Stop) -> Iterator[None]:
    """Begin the stop at a signal even while the main thread is busy in compiled code."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reader, stop), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.write(writer, b"\0")
        watcher.join()
        os.close(reader)
        os.close(writer)


def _watch(reader: int, stop: Stop) -> None:
    watched = {number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN}
    while number := os.read(reader, 1)[0]:
        if number in watched:
            stop.begin(number)


def _restore() -> None:
    for number, handler in _before.items():
        signal.signal(number, handler)
    _before.clear()


def _ignore(number: int, frame: FrameType | None) -> None:
    """Later signals change nothing: the command ends already."""


def _forget_in_child() -> None:
    """A forked process answers signals as if there were no command."""
    global _current
    if _current is not None:
        _current = None
        signal.set_wakeup_fd(-1)
        _restore()


os.register_at_fork(after_in_child=_forget_in_child)


def kill_processes(mark: str) -> None:
    """Kill the processes below this one, and those whose environment has a mark.

    The mark finds those whose own parent is gone, such as the workers of a Ray that has ended.
    """
    end = time.monotonic() + _KILL_SECONDS
    while (found := find_processes(mark)) and time.monotonic() < end:
        for process in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.02)


def find_processes(mark: str) -> set[int]:
    """The living processes below this one, and those whose environment has a mark."""
    parents = dict(filter(None, map(_parent_of, _process_numbers())))
    wanted = f"{_MARK}={mark}".encode()
    found = {process for process in parents if wanted in _environment_of(process)}
    found.add(os.getpid())
    while more := {each for each, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}


def _process_numbers() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except FileNotFoundError:  # a system without /proc
        return []


def _parent_of(process: int) -> tuple[int, int] | None:
    """A living process and its parent."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            state, parent, *_ = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if state in b"ZX" else (process, int(parent))


def _environment_of(process: int) -> bytes:
    try:
        with open(f"/proc/{process}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""
