"""Help texts, descriptions of settings and docstrings read alone (docs: CONTRIBUTING.md)."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

import tag2mask.models
import tag2mask.pipeline
from tag2mask.flows.cli import app

FRAGMENTS = ("Of ", "That ", "What ")
ROOT = Path(__file__).parents[1]
# The folders whose public docstrings are checked.
CHECKED = ("examples", "flows", "models", "pipeline", "tag2mask")


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


def modules() -> list[Path]:
    """The modules of the checked folders."""
    folders = [ROOT / name for name in CHECKED]
    assert all(folder.is_dir() for folder in folders)
    return sorted(module for folder in folders for module in folder.rglob("*.py"))


def documented(tree: ast.Module, name: str) -> Iterator[tuple[str, str]]:
    """The name of a module and of each of its public classes and functions, and its docstring."""
    yield name, ast.get_docstring(tree) or ""
    stack: list[tuple[str, ast.AST]] = [(name, tree)]
    while stack:
        inside, node = stack.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                private = child.name.startswith("_") and not child.name.startswith("__")
                if not private:
                    yield f"{inside}.{child.name}", ast.get_docstring(child) or ""
                    stack.append((f"{inside}.{child.name}", child))


def docstrings() -> Iterator[tuple[str, str]]:
    """The name and the docstring of all that is public in the checked folders."""
    for module in modules():
        name = str(module.relative_to(ROOT).with_suffix("")).replace("/", ".")
        yield from documented(ast.parse(module.read_text()), name)


def fragments(texts: Iterator[tuple[str, str]]) -> list[str]:
    """The texts that begin in the middle of a sentence."""
    return [f"{name}: {text}" for name, text in texts if text.startswith(FRAGMENTS)]


def test_there_is_something_to_read():
    assert len(list(descriptions())) > 100
    assert len(list(help_texts())) > 60
    assert len(list(docstrings())) > 1500


def test_descriptions_read_alone():
    assert fragments(descriptions()) == []


def test_help_reads_alone():
    assert fragments(help_texts()) == []


@pytest.mark.parametrize("text", ["Of the round.", "That decode images.", "What is seen."])
def test_a_fragment_would_be_found(text):
    assert fragments(iter([("name", text)])) == [f"name: {text}"]


def test_docstrings_read_alone():
    assert fragments(docstrings()) == []


def test_every_public_docstring_is_read():
    tree = ast.parse(
        '"""Of a module."""\n'
        "class Thing:\n"
        '    """What it is."""\n'
        "    async def method(self):\n"
        '        """That runs."""\n'
        "    def _hidden(self):\n"
        '        """Of no interest."""\n'
    )
    assert [name for name, text in documented(tree, "m") if text.startswith(FRAGMENTS)] == [
        "m",
        "m.Thing",
        "m.Thing.method",
    ]
