"""A tree reads files below its root, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import fsspec
import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources.sandboxed_folder import SandboxedFolder, UnreadableError


def test_a_file_larger_than_the_limit_is_not_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(100))
    tree = SandboxedFolder(str(tmp_path))
    assert len(tree.read("a", 100)) == 100
    with pytest.raises(UnreadableError, match="larger than 99 bytes"):
        tree.read("a", 99)


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    tree = SandboxedFolder(str(tmp_path / "link"))
    assert tree.files() == ["a"]
    assert tree.read("a") == b"x"


def test_a_sibling_whose_name_begins_alike_is_outside(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data-private").write_bytes(b"secret")
    (tmp_path / "data" / "a").symlink_to(tmp_path / "data-private")
    assert SandboxedFolder(str(tmp_path / "data")).problem("a") == "a link that leaves the source"


def test_names_that_are_not_utf8_can_be_read(tmp_path: Path) -> None:
    name = os.fsdecode(b"k\xfcche.jpg")
    (tmp_path / name).write_bytes(b"x")
    tree = SandboxedFolder(str(tmp_path))
    assert tree.files() == [name]
    assert tree.read(name) == b"x"


def test_missing_broken_and_forbidden_files_say_so(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to("nothing")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    tree = SandboxedFolder(str(tmp_path))
    assert tree.files() == ["broken", "loop"]
    for path, cause in (
        ("gone", "no such file"),
        ("broken", "no such file"),
        ("loop", "symbolic links"),
        ("folder", "not a file"),
        ("a\0b", "NUL"),
        ("", "absolute"),
    ):
        with pytest.raises(UnreadableError, match=cause):
            tree.read(path)


def test_an_object_store_lists_folders_without_placeholders() -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe({"/tree-test/a/1": b"x", "/tree-test/b": b"y", "/tree-test/a/.hidden": b"z"})
    tree = SandboxedFolder("memory://tree-test")
    assert (tree.folders(), tree.files(), tree.files("a")) == (["a"], ["b"], ["1"])
    assert tree.files("nowhere") == []
    assert tree.read("a/1") == b"x"
    with pytest.raises(UnreadableError, match="no such file"):
        tree.read("a/2")


def test_a_root_with_a_slash_at_its_end_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert (
        SandboxedFolder(f"{tmp_path}/").files() == SandboxedFolder(str(tmp_path)).files() == ["a"]
    )


def test_no_folder_no_tree(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist: give the folder"):
        SandboxedFolder(str(tmp_path / "gone"))
