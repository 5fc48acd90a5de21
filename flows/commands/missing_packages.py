"""Commands that need an extra which is not installed say so in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from tag2mask.extras import describe_missing_extra
from tag2mask.pipeline.errors import UserError

P = ParamSpec("P")


def name_missing_extra(command: Callable[P, None]) -> Callable[P, None]:
    """The command, which names the extra to install when a module of one is missing.

    Args:
        command: A function of the command line; its name, help and options stay.

    Raises:
        UserError: By the returned function, if a package of an extra is not installed.
    """

    @wraps(command)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except ModuleNotFoundError as error:
            sentence = describe_missing_extra(
                f"tag2mask {command.__name__.replace('_', '-')}", error
            )
            if sentence is None:
                raise
            raise UserError(sentence) from error

    return checked
