"""A folder appears complete or not at all, and an existing one is kept."""

import os

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.new_folder import new_folder


def test_it_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "deep" / "out"
    with new_folder(target) as folder:
        (folder / "a.txt").write_text("a")
        assert not target.exists()
    assert [path.name for path in target.iterdir()] == ["a.txt"]
    assert [path.name for path in target.parent.iterdir()] == ["out"]


def test_an_empty_folder_is_welcome(tmp_path):
    (tmp_path / "out").mkdir()
    with new_folder(tmp_path / "out") as folder:
        (folder / "a.txt").write_text("a")
    assert (tmp_path / "out/a.txt").exists()


def fill(target, meanwhile):
    """Write a file, while something else happens."""
    with new_folder(target) as folder:
        (folder / "a.txt").write_text("a")
        meanwhile()


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError):
        fill(tmp_path / "out", (tmp_path / "what the caller reads").read_text)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_appeared_meanwhile_is_kept(tmp_path):
    def meanwhile():
        (tmp_path / "out").mkdir()
        (tmp_path / "out/mine.txt").write_text("mine")

    with pytest.raises(UserError, match="cannot write"):
        fill(tmp_path / "out", meanwhile)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_place_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"), new_folder(tmp_path / "file/out"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot write"), new_folder(tmp_path / "out"):
        pass
    tmp_path.chmod(0o700)
