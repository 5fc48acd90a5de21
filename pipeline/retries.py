"""Patience with object stores, which answer errors for a while and are well again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from pipeline.errors import StorageError

P = ParamSpec("P")
T = TypeVar("T")

# Half a minute, on top of what the store's own client waits.
_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)

# Answers, not failures: asking again would bring the same. Everything else may pass; each
# client has exceptions of its own, and few of them are OSErrors.
_ANSWERS = (
    FileNotFoundError,
    FileExistsError,
    NotADirectoryError,
    IsADirectoryError,
    PermissionError,
    NotImplementedError,
    TypeError,
    ValueError,
)


def patiently(place: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a storage again and again, with longer and longer waits, until it answers.

    Args:
        place: The URI, for the message.
        call: What to call; it must be harmless to call twice.
        *args: Its arguments.
        **kwargs: Its keyword arguments.

    Raises:
        StorageError: If it has not answered after half a minute.
        OSError: What it answered, such as FileNotFoundError.
    """
    for wait in _WAITS:
        try:
            return call(*args, **kwargs)
        except _ANSWERS:
            raise
        except Exception:
            # Workers that failed together must not come back together.
            time.sleep(wait * random.SystemRandom().uniform(0.5, 1.5))
    try:
        return call(*args, **kwargs)
    except _ANSWERS:
        raise
    except Exception as error:
        raise StorageError(
            f"the storage of {place} fails again and again ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}): run the same command again when it is "
            "well, what is done is kept"
        ) from error
