"""A run's folder belongs to one source and class list, whatever the spelling of its place."""

import json
import os

import pytest

from tag2mask.pipeline.labeling.run_source import (
    RUN_SOURCE,
    RunSource,
    find_difference,
    load_run_source,
    requested_classes,
)
from tag2mask.pipeline.tables.storage import Folder
from tests.pipeline.small_tables import images_table


@pytest.fixture
def source(tmp_path):
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


@pytest.fixture
def run(tmp_path, source):
    """A run of the classes cat, dog and bird, which were not requested by name."""
    images_table(tmp_path / "run", 4)
    folder = Folder(str(tmp_path / "run"))
    RunSource.of(str(source), None).save(folder)
    return folder


def test_every_spelling_of_a_place_is_the_same_source(run, source, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(source)
    monkeypatch.chdir(tmp_path)
    for spelling in ("photos", "./photos/", f"{source}/", f"file://{source}", "link"):
        assert not find_difference(run, spelling, None), spelling
    assert find_difference(run, "../photos", None).sources


def test_spellings_of_a_remote_place():
    addresses = {RunSource.of(uri, None).address for uri in ("memory://a/b", "memory://a/b/")}
    assert addresses == {"memory:///a/b"}


def test_another_source_is_named_with_the_way_out(run, source, tmp_path):
    found = find_difference(run, f"{tmp_path}/others", None)
    assert found
    assert found.sentence() == (
        f"the run in {run.uri} belongs to the source {source}, not to {tmp_path}/others: "
        "choose another folder for this run, or replace the one that is there with --force "
        "(force=True in Python)"
    )


def test_another_class_list_is_named(run, source):
    assert not find_difference(run, str(source), ["cat", "dog", "bird"])
    found = find_difference(run, str(source), ["cat", "dog"])
    assert "belongs to the classes cat, dog, bird, not to cat, dog:" in found.sentence()
    found = find_difference(run, str(source), ["dog", "cat", "bird"])
    assert "not to dog, cat, bird in another order:" in found.sentence()


def test_a_folder_without_images_fits_any_source(tmp_path, source):
    """A run that was stopped before its first table has nothing to lose."""
    folder = Folder(str(tmp_path / "begun"))
    RunSource.of(str(source), ["cat"]).save(folder)
    assert not find_difference(folder, f"{tmp_path}/others", ["dog"])


def test_a_place_below_a_file_holds_no_run(tmp_path, source):
    (tmp_path / "file").write_text("kept")
    assert not find_difference(Folder(str(tmp_path / "file/run")), str(source), ["dog"])


def test_a_run_of_an_older_version(run, source, tmp_path):
    """Its run.json names the source; without one, any source fits."""
    run.remove([RUN_SOURCE])
    assert load_run_source(run) is None
    assert not find_difference(run, f"{tmp_path}/others", None)
    run.write("run.json", json.dumps({"source": f"{source}/"}).encode())
    assert not find_difference(run, str(source), None)
    assert find_difference(run, f"{tmp_path}/others", None).sources


def test_a_damaged_record_is_no_record(run, tmp_path):
    run.write(RUN_SOURCE, b"{")
    assert not find_difference(run, f"{tmp_path}/others", None)


def test_the_classes_of_the_first_run_stay(run, source):
    assert requested_classes(run, None) is None
    RunSource.of(str(source), ("cat", "dog")).save(run)
    assert requested_classes(run, None) == ["cat", "dog"]
    assert requested_classes(run, ["bird"]) == ["bird"]


def test_the_same_record_is_not_written_again(run, source):
    path = f"{run.uri}/{RUN_SOURCE}"
    before = os.stat(path)
    RunSource.of(f"{source}/", None).save(run)
    assert os.stat(path).st_ino == before.st_ino
