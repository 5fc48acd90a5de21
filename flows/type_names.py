"""Types of settings and options in the words of the reference pages."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

WORDS = {
    bool: "true or false",
    int: "integer",
    float: "number",
    str: "text",
    Path: "path",
    dict: "mapping",
    NoneType: "null",
}
PLURALS = {"integer": "integers", "number": "numbers", "text": "texts"}
# Names of limits in pydantic's constraints and in Typer's options.
BOUNDS = {
    "ge": "at least",
    "min": "at least",
    "gt": "above",
    "le": "at most",
    "max": "at most",
    "lt": "below",
}


def describe_type(annotation: Any, metadata: Iterable[Any] = ()) -> str:  # noqa: ANN401 - any type
    """A type in words, with its bounds and, where it lists them, its choices.

    Args:
        annotation: A type of a setting: a number, text, mapping, ``Literal``, enumeration,
            list, tuple or union.
        metadata: Constraints of pydantic or Typer, of which bounds and multiples are named.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        text = describe_type(arguments[0], _constraints(arguments[1:]))
    elif origin is Literal:
        text = " or ".join(f"`{choice}`" for choice in arguments)
    elif origin in (Union, UnionType):
        text = " or ".join(describe_type(argument) for argument in arguments)
    elif origin is list:
        text = _describe_tuple((*arguments, ...))
    elif origin is tuple:
        text = _describe_tuple(arguments)
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        text = " or ".join(f"`{choice.value}`" for choice in annotation)
    else:
        text = WORDS.get(origin or annotation, getattr(annotation, "__name__", str(annotation)))
    return ", ".join([text, *_bounds(metadata)])


def _describe_tuple(arguments: tuple[Any, ...]) -> str:
    each, *more = (describe_type(argument) for argument in arguments if argument is not ...)
    kind, *bounds = each.split(", ", 1)
    if kind.startswith("`"):
        return f"list of {each}"
    count = f"{1 + len(more)} " if arguments[-1] is not ... else "list of "
    limits = f", each {bounds[0]}" if bounds else ""
    return f"{count}{PLURALS.get(kind, kind)}{limits}"


def _constraints(metadata: Iterable[Any]) -> list[Any]:
    """The constraints, also those that a Field holds."""
    found = []
    for constraint in metadata:
        found += constraint.metadata if isinstance(constraint, FieldInfo) else [constraint]
    return found


def _bounds(metadata: Iterable[Any]) -> list[str]:
    bounds = []
    for constraint in metadata:
        for name, words in BOUNDS.items():
            if (limit := getattr(constraint, name, None)) is not None:
                bounds.append(f"{words} {limit:g}")
        if (step := getattr(constraint, "multiple_of", None)) is not None:
            bounds.append(f"multiple of {step:g}")
    return bounds
