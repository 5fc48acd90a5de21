"""The commands ``versions`` and ``prune``."""

import dataclasses
import io
from pathlib import Path

import pytest

from tag2mask.pipeline.records import IMAGES_SCHEMA
from tag2mask.pipeline.tables.lease import lease
from tag2mask.pipeline.tables.manifest import Lineage
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.versions import file_version, next_version, version_numbers
from tests.pipeline.small_tables import image_rows, writer


@pytest.fixture
def run(tmp_path) -> Path:
    """A run's folder with a dataset of two versions, the second with more rows."""
    rows = image_rows(9)
    first = add_version(tmp_path, "one", rows[:5])
    add_version(tmp_path, "two", rows[5:], first)
    return tmp_path


def add_version(run, key, rows, base=None):
    """A version with new rows, or with those of the base too."""
    place = Folder(f"{run}/dataset")
    lineage = dataclasses.replace(Lineage.of(base=base), revision=next_version(place))
    table = writer(run, "dataset", IMAGES_SCHEMA, key=key, lineage=lineage)
    table.stage(rows)
    manifest = table.commit().manifest
    file_version(place)
    return manifest


class Terminal(io.StringIO):
    """Standard input of a person at a terminal."""

    def isatty(self):
        return True


def test_versions_are_listed(command, run):
    code, out, err = command("versions", run)
    assert (code, err) == (0, "")
    assert [line.split()[:3] for line in out.splitlines()] == [
        ["1", "5", "masks"],
        ["2", "9", "masks"],
    ]
    assert out.splitlines()[1].split()[-1] == Table.open(f"{run}/dataset").fingerprint


def test_files_of_a_version_can_be_given_to_other_readers(command, run):
    code, out, _ = command("versions", run, "--files", 1)
    assert code == 0
    assert out.splitlines() == Table.open(f"{run}/dataset", revision=1).files
    assert all(Path(line).is_file() for line in out.splitlines())


def test_prune(command, run):
    code, out, err = command("prune", run, "--keep", 1, "--yes")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "version 1: 5 masks"
    assert out.splitlines()[1].endswith("; versions that stay: 2")
    assert out.splitlines()[2:] == ["removed versions: 1"]
    assert command("prune", run, "--keep", 1)[1] == "removed versions: none\n"
    Table.open(f"{run}/dataset").verify()
    code, _, err = command("versions", run, "--files", 1)
    assert code == 2
    assert "no version 1" in err


def test_prune_without_a_terminal_removes_nothing(command, run):
    """It shows what it would remove, and says how."""
    code, out, err = command("prune", run, "--keep", 1)
    assert code == 2
    assert "version 1: 5 masks" in out
    assert err.startswith("tag2mask: nothing was removed")
    assert "--yes" in err
    assert len(Table.open(f"{run}/dataset", revision=1)) == 5


@pytest.mark.parametrize(("answer", "versions"), [("n\n", [1, 2]), ("\n", [1, 2]), ("y\n", [2])])
def test_prune_asks(command, run, monkeypatch, answer, versions):
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    code, out, err = command("prune", run, "--keep", 1)
    assert code == (0 if versions == [2] else 1)
    assert ("nothing was removed" in out) is (versions == [1, 2])
    assert "Remove them? [y/N]" in err
    assert version_numbers(Folder(f"{run}/dataset")) == versions


def test_a_version_that_comes_during_the_question_is_not_removed(command, run, monkeypatch):
    def answer(*_, **__):
        add_version(run, "three", image_rows(10))
        return True

    monkeypatch.setattr("sys.stdin", Terminal(""))
    monkeypatch.setattr("typer.confirm", answer)
    code, _, err = command("prune", run, "--keep", 1)
    assert code == 2
    assert "the versions have changed" in err
    assert version_numbers(Folder(f"{run}/dataset")) == [1, 2, 3]


def test_a_run_that_is_at_work_is_left_alone(command, run):
    with lease(Folder(f"{run}/.staging")):
        code, _, err = command("prune", run, "--keep", 1, "--yes")
    assert code == 2
    assert err.startswith("tag2mask: ")
    assert len(Table.open(f"{run}/dataset", revision=1)) == 5


def test_no_run(command, tmp_path):
    for arguments in (["versions", tmp_path], ["prune", tmp_path, "--keep", "1"]):
        code, out, err = command(*arguments)
        assert (code, out) == (2, "")
        assert "no table" in err
    assert not (tmp_path / "dataset").exists()
