"""Scorers by name: built-in ones, and a user's own by the path of its import."""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from tag2mask.models.saliency import SCORERS
from tag2mask.models.saliency.base import Scorer
from tag2mask.models.tagging import Tagger

SEPARATOR = ":"  # between the module and the class, in a path


class Checked:
    """A user's own scorer, with a check of its maps.

    Args:
        scorer: The scorer.
        name: Name of the scorer in errors.
    """

    def __init__(self, scorer: Scorer, name: str) -> None:
        self.scorer, self.name = scorer, name

    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) in [0, 1] for (3, H, W) in [0, 255]; see :class:`Scorer`.

        Raises:
            ValueError: If the maps have another shape, or values that are not in [0, 1].
        """
        maps = self.scorer(image, classes)
        expected = (len(classes), *image.shape[1:])
        if not isinstance(maps, Tensor) or tuple(maps.shape) != expected:
            found = tuple(maps.shape) if isinstance(maps, Tensor) else type(maps).__name__
            raise ValueError(f"{self.name} must give maps {expected}, not {found}")
        if not bool(((maps >= 0) & (maps <= 1)).all()):  # false for NaN too
            raise ValueError(f"{self.name} must give maps in [0, 1]")
        return maps.detach().to(torch.float32)


def is_own(name: str) -> bool:
    """Whether a name is the path of a user's own scorer."""
    return SEPARATOR in name


def import_module(name: str) -> ModuleType:
    """Imports a module that is installed, on the path or in the working directory.

    The working directory is last on the path during the import, so that its files never replace
    an installed module.
    """
    folder = os.getcwd()
    sys.path.append(folder)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    finally:
        # From the end, because the folder may have been on the path before.
        del sys.path[len(sys.path) - 1 - sys.path[::-1].index(folder)]


def own_factory(path: str) -> Callable[..., Scorer]:
    """The class or function of a path such as ``my_package.module:MyScorer``.

    Raises:
        ValueError: If it cannot be imported.
    """
    module, _, attribute = path.partition(SEPARATOR)
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"the scorer {path!r} cannot be imported ({error}): it is written "
            "package.module:Name, and must be installed or stand in the working directory or on "
            "PYTHONPATH"
        ) from error
    if not callable(found):
        raise ValueError(f"the scorer {path!r} is not callable: name a class or a function")
    return found


def check_scorer(name: str, tagger: object, settings: dict[str, Any]) -> None:
    """Checks that settings fit a scorer, without building an own one.

    Raises:
        TypeError: If a setting does not exist or is missing.
        ValueError: If a setting is out of range, or there is no such scorer.
    """
    if is_own(name):
        inspect.signature(own_factory(name)).bind(tagger, ("class",), **settings)
    else:
        SCORERS[name](tagger, **settings)


def build_scorer(
    name: str, tagger: Tagger | None, classes: Sequence[str], settings: dict[str, Any]
) -> Scorer:
    """A scorer, ready for images.

    Args:
        name: One of :data:`tag2mask.models.saliency.SCORERS`, or the path of an own one.
        tagger: The tagger of the classes; None for scorers without a tagger.
        classes: Names of the classes, for scorers that read them; channel i is ``classes[i]``.
        settings: Settings of the scorer.
    """
    if is_own(name):
        return Checked(own_factory(name)(tagger, tuple(classes), **settings), name)
    scorer: Scorer = SCORERS[name](tagger, **settings)
    return scorer


def scorer_source_hash(name: str) -> dict[str, str]:
    """The SHA-256 of an own scorer's source file, as a key input of its masks.

    Returns:
        ``{"scorer_code": hash}``; empty for built-in scorers and for modules without a source.
    """
    if not is_own(name):
        return {}
    module = import_module(name.partition(SEPARATOR)[0])
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError):
        return {}
    return {"scorer_code": hashlib.sha256(source.encode()).hexdigest()}
