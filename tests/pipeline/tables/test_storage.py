"""Folders: whether they can be written is known before any work."""

import errno
import os

import fsspec
import pytest

from tag2mask.pipeline.errors import StorageError, UserError
from tag2mask.pipeline.tables.storage import Folder


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


@pytest.fixture(params=["local", "memory"])
def folder(request, tmp_path):
    """On a disk and on an object store."""
    yield Folder(str(tmp_path / "run") if request.param == "local" else "memory://storage/run")
    fsspec.filesystem("memory").store.clear()


def test_of_two_that_create_a_file_one_succeeds(folder):
    assert folder.create("lease", b"mine")
    assert not folder.create("lease", b"theirs")
    assert folder.read("lease") == b"mine"
    assert folder.create("lease", b"mine"), "a try whose answer was lost was the first"


def test_a_file_is_read_piece_by_piece(folder):
    folder.write("file", b"0123456789")
    with folder.open("file") as file:
        file.seek(4)
        assert file.read(3) == b"456"
    for read in (folder.open, folder.read):
        with pytest.raises(FileNotFoundError):
            read("none")


def test_removing_what_is_gone(folder):
    folder.write("file", b"1")
    folder.remove(["file", "none"])
    folder.remove_all()
    folder.remove_all()
    assert folder.sizes() == {}


def test_a_full_disk_is_a_sentence(tmp_path):
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = Folder(str(tmp_path))
    with pytest.raises(StorageError, match=f"no space left in {tmp_path}: free some"):
        folder.add(full, lambda digest: "file")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_fails_for_a_while_is_asked_again(monkeypatch):
    folder = Folder("memory://storage/flaky")
    failures = [OSError("InternalError"), TimeoutError("slow")]
    cat_file = folder._fs.cat_file

    def flaky(*args, **kwargs):
        if failures:
            raise failures.pop()
        return cat_file(*args, **kwargs)

    monkeypatch.setattr(folder._fs, "cat_file", flaky, raising=False)
    monkeypatch.setattr("tag2mask.pipeline.tables.retries.time.sleep", lambda seconds: None)
    folder.write("file", b"whole")
    assert folder.read("file") == b"whole"
    assert not failures
