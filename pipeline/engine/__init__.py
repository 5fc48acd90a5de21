"""Engines run stages over tables: in this process, in several, or on a Ray cluster."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tag2mask.pipeline.engine.base import Engine
from tag2mask.pipeline.engine.choice import AUTO, LOCAL, RAY, choose_engine
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError

logger = logging.getLogger("tag2mask")


def _ray(workers: int) -> Engine:
    # Imported late: a machine without Ray can use the other engine.
    try:
        from tag2mask.pipeline.engine.ray import RayEngine
    except ImportError as error:
        raise UserError(
            "the engine 'ray' needs the package ray: install it, or choose the engine 'local'"
        ) from error
    return RayEngine(workers)


ENGINES: dict[str, Callable[[int], Engine]] = {LOCAL: LocalEngine, RAY: _ray}


def check_engine(name: str, workers: int) -> None:
    """Check the choice of an engine; none is imported.

    Raises:
        UserError: If the name is unknown, or workers is below one.
    """
    if name not in (AUTO, *ENGINES):
        raise UserError(f"unknown engine {name!r}: choose one of {', '.join((AUTO, *ENGINES))}")
    if workers < 1:
        raise UserError(f"workers is {workers}: an engine needs at least one worker")


def build_engine(name: str, workers: int, images: int | None = None, processes: int = 1) -> Engine:
    """Build an engine by name.

    Args:
        name: One of :data:`ENGINES`, or ``auto`` for the one that
            :func:`tag2mask.pipeline.engine.choice.choose_engine` chooses; a log line says which.
        workers: Number of processes on this machine; an existing Ray cluster ignores it.
        images: Number of images of the work, for the choice; None if it is unknown.
        processes: Largest number of processes that train one model, for the choice.

    Raises:
        UserError: If the name is unknown, the engine is not installed, or workers is below one.
    """
    check_engine(name, workers)
    if name == AUTO:
        name, why = choose_engine(images, processes)
        logger.info("engine %s: %s", name, why)
    return ENGINES[name](workers)
