"""Child processes and the signals of a terminal: only the parent answers them.

Ctrl-C and the end of a terminal reach every process of its group at the same moment. A child that
dies of them takes away what its parent still needs to end in order, and prints a traceback of its
own.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import wait

TERMINAL_SIGNALS = (signal.SIGINT, signal.SIGHUP)


@contextmanager
def terminal_signals_blocked() -> Iterator[None]:
    """Start child processes in this block that never see the signals of the terminal.

    A new process inherits the blocked signals of the thread that starts it. In this process
    another thread gets the signals, or this one after the block: none is lost.
    """
    # Its first start unblocks SIGINT, so a first worker that started it would have seen Ctrl-C.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """End this process at once when its parent ends, however the parent ended.

    For a process that :mod:`multiprocessing` started; without it, a worker whose parent was
    killed would first finish its unit.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
