"""The extras whose packages some functions and commands import."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# Packages that are imported, and the extra that installs them.
EXTRAS = {
    "fastapi": "label",
    "huggingface_hub": "hub",
    "matplotlib": "label",
    "mlflow": "mlflow",
    "msgpack": "label",
    "numba": "label",
    "prefect": "label",
    "ray": "label",
    "sqlalchemy": "label",
    "s3fs": "s3",
    "tensorboard": "tensorboard",
    "wandb": "wandb",
}


@contextmanager
def named_extra(caller: str) -> Iterator[None]:
    """A block of imports, which names the extra to install when a package of one is missing.

    Args:
        caller: Name of the function that imports.

    Raises:
        ImportError: With that sentence, inside the block.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        sentence = describe_missing_extra(caller, error)
        if sentence is None:
            raise
        raise ImportError(sentence) from error


def describe_missing_extra(caller: str, error: ModuleNotFoundError) -> str | None:
    """The sentence that names the extra to install, or None if the module is of no extra.

    Args:
        caller: Name of the function or command that imported the module.
        error: The error of the import.
    """
    package = (error.name or "").split(".")[0]
    if package not in EXTRAS:
        return None
    return (
        f"`{caller}` needs the package {package}, which is not installed: "
        f"run pip install 'tag2mask[{EXTRAS[package]}]'"
    )
