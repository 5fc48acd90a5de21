"""Every help text and every description of a setting reads alone (docs: CONTRIBUTING.md)."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
import typer
from pydantic import BaseModel

import tag2mask.models
import tag2mask.pipeline
from tag2mask.flows.cli import app

FRAGMENTS = ("Of ", "That ", "What ")


def settings_classes() -> list[type[BaseModel]]:
    """Every pydantic model of ``models`` and ``pipeline`` that has documented fields."""
    found: dict[str, type[BaseModel]] = {}
    for package in (tag2mask.models, tag2mask.pipeline):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, type) and issubclass(value, BaseModel):
                    found[f"{value.__module__}.{value.__qualname__}"] = value
    return [found[name] for name in sorted(found) if name.startswith("tag2mask.")]


def descriptions() -> Iterator[tuple[str, str]]:
    """The name of each documented field and its description."""
    for kind in settings_classes():
        for name, field in kind.model_fields.items():
            if field.description:
                yield f"{kind.__qualname__}.{name}", field.description


def help_texts() -> Iterator[tuple[str, str]]:
    """The name of each command and of each of its parameters, and its help."""
    group = typer.main.get_command(app)
    for name, command in getattr(group, "commands", {}).items():
        yield name, command.help or ""
        for parameter in command.params:
            text = getattr(parameter, "help", None)
            if text:
                yield f"{name} {parameter.name}", text


def fragments(texts: Iterator[tuple[str, str]]) -> list[str]:
    """The texts that begin in the middle of a sentence."""
    return [f"{name}: {text}" for name, text in texts if text.startswith(FRAGMENTS)]


def test_there_is_something_to_read():
    assert len(list(descriptions())) > 100
    assert len(list(help_texts())) > 60


def test_descriptions_read_alone():
    assert fragments(descriptions()) == []


def test_help_reads_alone():
    assert fragments(help_texts()) == []


@pytest.mark.parametrize("text", ["Of the round.", "That decode images.", "What is seen."])
def test_a_fragment_would_be_found(text):
    assert fragments(iter([("name", text)])) == [f"name: {text}"]
