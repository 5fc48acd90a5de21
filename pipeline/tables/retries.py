"""Repeated requests to object stores, which may fail for a while."""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tag2mask.pipeline.errors import StorageError

P = ParamSpec("P")
T = TypeVar("T")

# Half a minute in total, in addition to the waits of the store's own client.
_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)

# Answers, not failures: another request would get the same answer. Any other error may pass.
# Each client has its own exceptions, and not all of them are OSErrors.
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
# Error numbers of invalid requests, such as one for the first byte of an empty file.
_SENSELESS = (errno.EINVAL, errno.ENAMETOOLONG, errno.EPERM, errno.ENOSYS, errno.EMSGSIZE)


def call_with_retries(place: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a storage repeatedly, with longer and longer waits, until it answers.

    Args:
        place: URI of the storage, for the message.
        call: The request; repeating it must be harmless.
        *args: Arguments of the request.
        **kwargs: Keyword arguments of the request.

    Returns:
        The result of the request.

    Raises:
        StorageError: If the storage has not answered after half a minute.
        OSError: An error that is the answer, such as FileNotFoundError.
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
                    "works; finished work is kept"
                ) from error
        # Random waits, so that workers that failed together do not come back together.
        time.sleep(wait * random.SystemRandom().uniform(0.5, 1.5))
