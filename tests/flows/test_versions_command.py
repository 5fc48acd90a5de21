"""The commands ``versions`` and ``prune``."""

import dataclasses
from pathlib import Path

import pytest

from tag2mask.pipeline.records import IMAGES_SCHEMA
from tag2mask.pipeline.tables.lease import lease
from tag2mask.pipeline.tables.manifest import Lineage
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.versions import file_version, next_version
from tests.pipeline.small_tables import image_rows, writer


@pytest.fixture
def run(tmp_path) -> Path:
    """A run's folder with a dataset of two versions."""
    rows, base = image_rows(9), None
    for key, part in (("one", rows[:5]), ("two", rows[5:])):
        place = Folder(f"{tmp_path}/dataset")
        lineage = dataclasses.replace(Lineage.of(base=base), revision=next_version(place))
        table = writer(tmp_path, "dataset", IMAGES_SCHEMA, key=key, lineage=lineage)
        table.stage(part)
        base = table.commit().manifest
        file_version(place)
    return tmp_path


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
    code, out, err = command("prune", run, "--keep", 1)
    assert (code, out, err) == (0, "removed versions: 1\n", "")
    assert command("prune", run, "--keep", 1)[1] == "removed versions: none\n"
    Table.open(f"{run}/dataset").verify()
    code, _, err = command("versions", run, "--files", 1)
    assert code == 2
    assert "no version 1" in err


def test_a_run_that_is_at_work_is_left_alone(command, run):
    with lease(Folder(f"{run}/.staging")):
        code, _, err = command("prune", run, "--keep", 1)
    assert code == 2
    assert err.startswith("tag2mask: ")
    assert len(Table.open(f"{run}/dataset", revision=1)) == 5


def test_no_run(command, tmp_path):
    for arguments in (["versions", tmp_path], ["prune", tmp_path, "--keep", "1"]):
        code, out, err = command(*arguments)
        assert (code, out) == (2, "")
        assert "no table" in err
    assert not (tmp_path / "dataset").exists()
