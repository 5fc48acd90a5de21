"""Recipe files: JSON, YAML or TOML, chosen by the extension."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tag2mask.pipeline.errors import UserError


def read_recipe_file(path: str) -> dict[str, Any]:
    """Read the settings of a recipe file, nested as the file is.

    An empty YAML file, or one with only comments, holds no settings.

    Args:
        path: A local UTF-8 file with the extension .json, .yaml, .yml or .toml.

    Raises:
        UserError: If the extension is unknown, the file cannot be read, its syntax is wrong, or
            it does not hold named settings. For wrong syntax the message names the line.
    """
    extension = Path(path).suffix.lower()
    if extension not in PARSERS:
        raise UserError(
            f"the recipe {path} has the unknown extension {extension!r}; "
            f"use one of {', '.join(PARSERS)}"
        )
    try:
        # Editors on Windows begin UTF-8 files with a mark that no parser below skips.
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the recipe {path}: {error}") from error
    try:
        values = PARSERS[extension](text)
    except _SyntaxError as error:
        raise UserError(f"cannot read the recipe {path}: {error}") from error
    if not isinstance(values, dict):
        raise UserError(
            f"the recipe {path} holds a {type(values).__name__}; it must hold settings by name, "
            "as {} in JSON"
        )
    return values


class _SyntaxError(ValueError):
    """A line that a parser cannot read, as the end of a sentence."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")


class _Loader(yaml.SafeLoader):
    """Reads YAML as JSON is read: 1e-4 is a number and 2026-11-28 is text."""


_Loader.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# PyYAML follows YAML 1.1, in which a number with an exponent needs a dot and a sign.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d+(?:\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _SyntaxError(error.lineno, error.msg) from error


def _yaml(text: str) -> object:
    try:
        values = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _SyntaxError(mark.line + 1 if mark else 1, error.problem or str(error)) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _SyntaxError(
            line, f"the character {chr(error.character)!r} is not allowed"
        ) from error
    return {} if values is None else values


def _toml(text: str) -> object:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Python 3.11 to 3.13 give the line in the message alone.
        problem, _, place = str(error).partition(" (at ")
        found = re.match(r"line (\d+)", place)
        line = int(found[1]) if found else text.count("\n") + 1
        raise _SyntaxError(line, problem) from error


PARSERS: dict[str, Callable[[str], object]] = {
    ".json": _json,
    ".yaml": _yaml,
    ".yml": _yaml,
    ".toml": _toml,
}
