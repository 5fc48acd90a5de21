"""Settings from a user: a recipe file and single changes, merged into the defaults."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from tag2mask.models.settings import use_new_names
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.recipe_file import read_recipe_file

logger = logging.getLogger("tag2mask")


def read_values(path: str | None, changes: Sequence[str] = ()) -> dict[str, Any]:
    """Read settings as nested JSON values.

    Args:
        path: A JSON, YAML or TOML file with any part of the settings; None for no file.
        changes: ``key=value`` with dots for the levels, as in ``seeds.crf=toco``; the value is
            JSON or a bare word.

    Raises:
        UserError: If the file or a change cannot be read.
    """
    values = {} if path is None else read_recipe_file(path)
    for change in changes:
        _apply(values, change)
    return values


def _apply(values: dict[str, Any], change: str) -> None:
    key, separator, text = change.partition("=")
    if not separator or not key:
        raise UserError(f"cannot read the change {change!r}: write key=value, as seeds.crf=toco")
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    *levels, last = key.split(".")
    for level in levels:
        values = values.setdefault(level, {})
        if not isinstance(values, dict):
            raise UserError(f"the setting {key!r} does not exist: {level!r} holds no settings")
    values[last] = value


def with_new_names(values: dict[str, Any], kind: type[BaseModel], part: str = "") -> dict[str, Any]:
    """Replace every old name in a user's settings; each gives a warning.

    Args:
        values: Any part of the settings, nested as the class is.
        kind: Class of the settings.
        part: Name of these settings among others.

    Raises:
        UserError: If a setting is given by both its old and its new name.
    """
    try:
        current, used = use_new_names(values, kind, part)
    except ValueError as error:
        raise UserError(str(error)) from error
    for old, new in used:
        logger.warning(
            "the setting %s is now named %s; its old name will be refused in the next version",
            old,
            new,
        )
    return current


def merge_settings(defaults: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Merge changes into defaults, level by level; a scorer's own settings are replaced."""
    merged = dict(defaults)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(defaults.get(key), dict)
        merged[key] = (
            merge_settings(defaults[key], value) if nested and key != "settings" else value
        )
    return merged


def format_validation_error(error: ValidationError, known: dict[str, Any], part: str = "") -> str:
    """Describe the first error of settings in a sentence.

    Args:
        error: The errors that pydantic found.
        known: All settings with their defaults, nested.
        part: Name of these settings among others.
    """
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:  # several of them together
        whose = f"of {part!r} " if part else ""
        return f"the settings {whose}do not fit together: {message}"
    place = ".".join(str(name) for name in (part, *first["loc"]) if name != "")
    if first["type"] != "extra_forbidden":
        return f"the setting {place!r} is wrong: {message}"
    for level in first["loc"][:-1]:
        known = known[str(level)]
    return f"unknown setting {place!r}; choose one of {', '.join(known)}"
