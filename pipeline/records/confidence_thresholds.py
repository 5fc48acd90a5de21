"""Thresholds of the confidence by class: one number, or numbers by class name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

import numpy as np
from pydantic import Field

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records.class_table import ClassTable

OTHERS = "*"

Share = Annotated[float, Field(ge=0, le=1)]
# By class name; ``*`` stands for all other classes, which else have no threshold.
Thresholds = Share | dict[str, Share]


def class_thresholds(thresholds: float | Mapping[str, float], classes: ClassTable) -> np.ndarray:
    """The threshold of each pixel value.

    Args:
        thresholds: One number for all classes, or numbers by class name; ``*`` stands for all
            other classes.
        classes: The class table.

    Returns:
        (K + 1,) float32; 0 for background and for classes without a threshold.

    Raises:
        UserError: If a name is no class, or a threshold is not between 0 and 1.
    """
    named = thresholds if isinstance(thresholds, Mapping) else {OTHERS: thresholds}
    for name, value in named.items():
        if not 0 <= value <= 1:
            whose = "a confidence" if name == OTHERS else f"the confidence of {name}"
            raise UserError(f"{whose} lies between 0 and 1, not at {value:g}")
    found = np.full(len(classes) + 1, named.get(OTHERS, 0.0), np.float32)
    found[0] = 0
    for name, value in named.items():
        if name != OTHERS:
            found[classes.index(name)] = value
    return found


def parse_thresholds(texts: Iterable[str]) -> float | dict[str, float]:
    """Read thresholds as the command line takes them: ``0.8``, ``cat=0.9``.

    Args:
        texts: Each a number for all other classes, or a class name, ``=`` and a number.

    Raises:
        UserError: If a text is neither, or a class occurs twice.
    """
    found: dict[str, float] = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        name = name.strip() or OTHERS
        if name in found:
            whose = "all classes" if name == OTHERS else name
            raise UserError(f"--confidence gives {whose} two thresholds; give one")
        try:
            found[name] = float(number)
        except ValueError as error:
            raise UserError(
                f"--confidence takes a number, or CLASS=NUMBER such as cat=0.9, not {text!r}"
            ) from error
    return found if set(found) - {OTHERS} else found.get(OTHERS, 0.0)
