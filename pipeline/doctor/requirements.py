"""tag2mask's requirements on Python and packages, and the installed versions."""

from __future__ import annotations

import importlib.metadata
import platform
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

DISTRIBUTION = "tag2mask"
PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
# The extra that labeling needs; the core alone reads datasets and predicts.
EXTRA = "label"


def wanted_python() -> SpecifierSet:
    """The versions of Python that tag2mask supports."""
    try:
        text = importlib.metadata.metadata(DISTRIBUTION)["Requires-Python"] or ""
    except importlib.metadata.PackageNotFoundError:
        text = _project()["requires-python"]
    return SpecifierSet(text)


def wanted_packages() -> list[Requirement]:
    """The packages that labeling needs: those of the core and of the extra ``label``."""
    lines: Iterable[str]
    try:
        lines = importlib.metadata.requires(DISTRIBUTION) or ()
    except importlib.metadata.PackageNotFoundError:  # a checkout that is not installed
        project = _project()
        lines = project["dependencies"] + project["optional-dependencies"].get(EXTRA, [])
    wanted = map(Requirement, lines)
    return [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": EXTRA})]


def found_versions() -> dict[str, str]:
    """The installed versions of Python and the required packages; empty for absent ones."""
    found = {"python": platform.python_version()}
    for wanted in wanted_packages():
        try:
            found[wanted.name] = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            found[wanted.name] = ""
    return found


def _project() -> dict[str, Any]:
    return tomllib.loads(PROJECT.read_text())["project"]
