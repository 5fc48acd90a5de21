"""Folders: whether they can be written is known before any work."""

import os

import pytest

from pipeline.errors import UserError
from pipeline.storage import Folder


def test_a_folder_that_can_be_written_is_left_as_it_is(tmp_path):
    Folder(str(tmp_path)).check_writable()
    Folder(str(tmp_path / "new/deep")).check_writable()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["file", "file/run", "file/run/deep"])
def test_a_place_under_a_file(tmp_path, path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match="is a file, not a folder; choose another place"):
        Folder(str(tmp_path / path)).check_writable()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="no permission"):
            Folder(str(tmp_path / "run")).check_writable()
    finally:
        tmp_path.chmod(0o700)


def test_an_object_store_keeps_no_trace():
    folder = Folder("memory://storage/run")
    folder.check_writable()
    assert folder.sizes() == {}


def test_an_object_store_that_refuses(monkeypatch):
    folder = Folder("memory://storage/run")

    def refuse(*args, **kwargs):
        raise PermissionError("access denied")

    monkeypatch.setattr(folder._fs, "pipe_file", refuse, raising=False)
    with pytest.raises(UserError, match="access denied"):
        folder.check_writable()
