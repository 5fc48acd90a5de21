"""Settings as a YAML file with each field's description above it."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Iterator

import yaml
from pydantic import BaseModel

WIDTH = 100
INDENT = "  "


def commented_yaml(settings: BaseModel) -> str:
    """Format settings as YAML that :func:`tag2mask.pipeline.recipe_file.read_recipe_file` reads.

    Args:
        settings: Settings whose fields have descriptions. A field that holds settings and has no
            description gets the first sentence of their class.
    """
    return "\n".join(_lines(settings, indent="")) + "\n"


def _lines(settings: BaseModel, indent: str) -> Iterator[str]:
    values = settings.model_dump(mode="json")
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        nested = isinstance(value, BaseModel)
        if nested and not indent:
            yield ""
        comment = field.description or (_summary(value) if nested else "")
        prefix = f"{indent}# "
        yield from textwrap.wrap(
            comment, WIDTH, initial_indent=prefix, subsequent_indent=prefix, break_long_words=False
        )
        if nested:
            yield f"{indent}{_text(name)}:"
            yield from _lines(value, indent + INDENT)
        else:
            yield f"{indent}{_text(name)}: {_text(values[name])}"


def _summary(settings: object) -> str:
    """The first line of a class's own docstring; empty without one."""
    return (inspect.getdoc(type(settings)) or "").split("\n")[0]


def _text(value: object) -> str:
    """A JSON value on one line: a plain word where YAML reads it as text, JSON otherwise."""
    if isinstance(value, str) and value.isidentifier() and yaml.safe_load(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)
