"""Folders that change places."""

from __future__ import annotations

from pathlib import Path

import pytest

from tag2mask.pipeline.tables import exchange as module
from tag2mask.pipeline.tables.exchange import exchange


def folder(path: Path, content: str) -> Path:
    path.mkdir(parents=True)
    (path / "file").write_text(content)
    return path


@pytest.mark.parametrize("known", [True, False])
def test_two_folders_change_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """Where the system cannot do it in one step, too."""
    if not known:
        monkeypatch.setattr(module, "_swapped", lambda one, other: False)
    old, new = folder(tmp_path / "place", "old"), folder(tmp_path / "staging/new", "new")
    exchange(str(new), str(old))
    assert (old / "file").read_text() == "new"
    assert (new / "file").read_text() == "old"
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        *("file", "file", "new", "place", "staging"),
    ]


def test_a_place_where_nothing_is(tmp_path: Path) -> None:
    new = folder(tmp_path / "new", "new")
    exchange(str(new), str(tmp_path / "deep/place"))
    assert (tmp_path / "deep/place/file").read_text() == "new"
    assert not new.exists()
