"""One direction only: flows → pipeline → models, and no circle between pipeline's rooms."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = {
    "models": {"ray", "prefect", "pyarrow", "fsspec", "pipeline", "flows"},
    "pipeline": {"prefect", "flows"},
    "flows": {"tests"},
}
MAY_IMPORT_RAY = ("pipeline/engine/ray*.py", "pipeline/doctor/ray*.py")
PACKAGE = "tag2mask"
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for layer in FORBIDDEN
    for path in (ROOT / layer).rglob("*.py")
)


def imported_modules(source: str) -> Iterator[str]:
    """Modules that a file imports anywhere, inside functions and by name too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            # ``from tag2mask import flows`` and ``from tag2mask.pipeline import report``
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
            name = called.id if isinstance(called, ast.Name) else called
            if name in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.args[0].value


def imported_packages(source: str) -> set[str]:
    """Top-level packages that a file imports; of this project, its layers."""
    names = (module.removeprefix(f"{PACKAGE}.") for module in imported_modules(source))
    return {name.split(".")[0] for name in names}


def room_of(module: str) -> str | None:
    """The room of ``pipeline/`` that a module belongs to; None outside of ``pipeline/``."""
    parts = module.removeprefix(f"{PACKAGE}.").split(".")
    return parts[1] if parts[0] == "pipeline" and len(parts) > 1 else None


def rooms() -> dict[str, set[str]]:
    """For each room of ``pipeline/``, the other rooms that its files import."""
    graph: dict[str, set[str]] = {}
    for path in (path for path in FILES if path.startswith("pipeline/")):
        room = room_of(path.removesuffix(".py").replace("/", "."))
        if room is None:
            continue
        imported = map(room_of, imported_modules((ROOT / path).read_text(encoding="utf-8")))
        graph.setdefault(room, set()).update(
            name for name in imported if name and name != room and is_room(name)
        )
    return graph


def is_room(name: str) -> bool:
    """Whether a folder or a file of that name stands in ``pipeline/``."""
    folder = ROOT / "pipeline"
    return (folder / name).is_dir() or (folder / f"{name}.py").is_file()


@pytest.mark.parametrize("path", FILES)
def test_imports_only_downwards(path):
    found = imported_packages((ROOT / path).read_text(encoding="utf-8"))
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
    assert "ray" in imported_packages(source)


def test_every_layer_has_files():
    assert {path.split("/")[0] for path in FILES} == set(FORBIDDEN)


@pytest.mark.parametrize(
    "source",
    [
        "from tag2mask.flows.label import label",
        "from tag2mask import flows",
        "import tag2mask.flows.label as label",
        "import_module('tag2mask.flows')",
    ],
)
def test_a_layer_is_seen_under_the_project_name(source):
    assert "flows" in imported_packages(source)


def test_no_circle_between_rooms():
    graph = rooms()
    assert {"records", "tables", "engine", "stages", "labeling"} <= set(graph)
    assert "tables" in graph["labeling"]
    TopologicalSorter(graph).prepare()


def test_a_circle_would_be_found():
    graph = {**rooms()}
    graph["records"] = graph["records"] | {"labeling"}
    with pytest.raises(CycleError):
        TopologicalSorter(graph).prepare()


def test_the_project_is_imported_by_its_one_name():
    """A project that uses tag2mask may have packages ``models``, ``pipeline``, ``flows``."""
    for path in [*FILES, *(p.relative_to(ROOT).as_posix() for p in ROOT.glob("tests/**/*.py"))]:
        modules = set(imported_modules((ROOT / path).read_text(encoding="utf-8")))
        assert not {name.split(".")[0] for name in modules} & set(FORBIDDEN), path
