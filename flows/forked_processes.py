"""Forked processes end well after a flow has run, such as the workers of torch's DataLoader.

Prefect 3 registers a callback for the end of the process that waits for its services. A forked
process inherits the callback and not the services: the callback raises an AssertionError, and the
process ends with exit code 1 although its work is done.
"""

from __future__ import annotations

import os
import threading

OWNER = "prefect."


def drop_inherited_callbacks() -> None:
    """Removes Prefect's callbacks for the end of the process."""
    # Python's list of them has no public name; without it nothing is removed.
    callbacks: list[object] = getattr(threading, "_threading_atexits", [])
    callbacks[:] = [callback for callback in callbacks if not _is_prefects(callback)]


def _is_prefects(callback: object) -> bool:
    function = getattr(callback, "func", callback)  # a partial of the registered function
    return str(getattr(function, "__module__", "")).startswith(OWNER)


def register() -> None:
    """Removes the callbacks in every process that is forked from now on."""
    os.register_at_fork(after_in_child=drop_inherited_callbacks)
