"""One direction only: flows → pipeline → models, and each library in its own layer."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "models": {"ray", "prefect", "pyarrow", "fsspec", "pipeline", "flows"},
    "pipeline": {"prefect", "flows"},
    "flows": {"tests"},
}
MAY_IMPORT_RAY = ("pipeline/engine/ray*.py", "pipeline/training/ray*.py")
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for layer in FORBIDDEN
    for path in (ROOT / layer).rglob("*.py")
)


def imported_packages(source: str) -> Iterator[str]:
    """Top-level packages that a file imports anywhere, inside functions and by name too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
            name = called.id if isinstance(called, ast.Name) else called
            if name in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.args[0].value.split(".")[0]


@pytest.mark.parametrize("path", FILES)
def test_imports_only_downwards(path):
    found = set(imported_packages((ROOT / path).read_text(encoding="utf-8")))
    forbidden = FORBIDDEN[path.split("/")[0]]
    if not any(fnmatch(path, pattern) for pattern in MAY_IMPORT_RAY):
        forbidden = forbidden | {"ray"}
    assert not found & forbidden


@pytest.mark.parametrize(
    "source",
    [
        "import ray",
        "import os, ray.data as data",
        "from ray.data import Dataset",
        "def late():\n    import ray",
        "import importlib\nimportlib.import_module('ray.data')",
        "from importlib import import_module\nimport_module('ray')",
        "if TYPE_CHECKING:\n    from ray import data",
    ],
)
def test_no_import_hides(source):
    assert "ray" in set(imported_packages(source))


def test_every_layer_has_files():
    assert {path.split("/")[0] for path in FILES} == set(FORBIDDEN)
