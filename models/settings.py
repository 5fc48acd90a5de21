"""The base of every group of settings, which reads old names of settings as new ones.

Settings are stored with datasets, models and runs. So the old name of a setting must be readable
when they are opened. Old names are kept for one version.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator


class Settings(BaseModel):
    """Frozen settings that refuse unknown names and accept old ones.

    Raises:
        ValueError: If a setting is unknown, out of range, or given by both of its names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    old_names: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _read_old_names(cls, values: object) -> object:
        return rename(values, all_old_names(cls)) if isinstance(values, dict) else values


def all_old_names(kind: type[BaseModel]) -> dict[str, str]:
    """The old and new names of a class's settings, including those of its parents."""
    names: dict[str, str] = {}
    for parent in reversed(kind.__mro__):
        names.update(parent.__dict__.get("old_names", {}))
    return names


def rename(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Settings with every old name replaced.

    Raises:
        ValueError: If a setting is given by its old name and by its new one.
    """
    for old, new in names.items():
        if old in values and new in values:
            raise ValueError(f"{old!r} is the old name of {new!r}: give one of them")
    return {names.get(name, name): value for name, value in values.items()}


def use_new_names(
    values: Mapping[str, Any], kind: type[BaseModel], place: str = ""
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Nested settings with every old name replaced, and the old names that were used.

    Args:
        values: Any part of the settings, nested as the class is.
        kind: The class of the settings.
        place: Name of this part, for the second result.

    Returns:
        The settings, and pairs of old and new name with dots for the levels.

    Raises:
        ValueError: If a setting is given by its old name and by its new one.
    """
    names = all_old_names(kind)
    prefix = f"{place}." if place else ""
    used = [(f"{prefix}{old}", f"{prefix}{new}") for old, new in names.items() if old in values]
    current = rename(values, names)
    for name, value in current.items():
        field = kind.model_fields.get(name)
        for part in _classes(field.annotation) if field and isinstance(value, dict) else ():
            current[name], inner = use_new_names(value, part, f"{prefix}{name}")
            used += inner
    return current, used


def _classes(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _classes(argument)
