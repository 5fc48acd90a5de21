"""Patience with object stores, which answer errors for a while and are well again."""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tag2mask.pipeline.errors import StorageError

P = ParamSpec("P")
T = TypeVar("T")

# Half a minute, on top of what the store's own client waits.
_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)

# Answers, not failures: asking again would bring the same. Everything else may pass; each
# client has exceptions of its own, and not all of them are OSErrors.
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
# How clients say that a request makes no sense, such as the first byte of an empty file.
_SENSELESS = (errno.EINVAL, errno.ENAMETOOLONG, errno.EPERM, errno.ENOSYS, errno.EMSGSIZE)


def call_with_retries(place: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
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
    waits = iter(_WAITS)
    while True:
        try:
            return call(*args, **kwargs)
        except Exception as error:
            if isinstance(error, _ANSWERS) or getattr(error, "errno", None) in _SENSELESS:
                raise
            wait = next(waits, None)
            if wait is None:
                raise StorageError(
                    f"the storage of {place} fails again and again ({type(error).__name__}: "
                    f"{' '.join(str(error).split())[:200]}): run the same command again when it "
                    "is well, what is done is kept"
                ) from error
        # Workers that failed together must not come back together.
        time.sleep(wait * random.SystemRandom().uniform(0.5, 1.5))
