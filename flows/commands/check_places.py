"""Commands that read a dataset or a model look for it before they import anything heavy."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

P = ParamSpec("P")


def find_dataset(uri: str) -> None:
    """Looks for a dataset.

    Raises:
        UserError: If there is none.
    """
    from tag2mask.pipeline.tables.manifest import read_manifest
    from tag2mask.pipeline.tables.storage import Folder

    read_manifest(Folder(uri))


def find_model(uri: str) -> None:
    """Looks for a model.

    Raises:
        UserError: If there is none.
    """
    from tag2mask.pipeline.training.model_files import read_card_file

    read_card_file(uri)


# By the name of the argument.
CHECKS: dict[str, Callable[[str], None]] = {"dataset": find_dataset, "model": find_model}


def check_places(command: Callable[P, None]) -> Callable[P, None]:
    """The command, which first looks for the dataset and the model among its arguments.

    Args:
        command: A function of the command line; its name, help and options stay.

    Raises:
        UserError: By the returned function, if there is no dataset or model at a URI.
    """

    @wraps(command)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        for name, check in CHECKS.items():
            if isinstance(uri := kwargs.get(name), str):
                check(uri)
        command(*args, **kwargs)

    return checked
