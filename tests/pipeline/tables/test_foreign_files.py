"""A command replaces what it has made itself, and nothing else."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.foreign_files import (
    RUN_NAMES,
    check_file,
    check_free,
    check_run_folder,
)
from tag2mask.pipeline.tables.places import check_out
from tag2mask.pipeline.tables.storage import Folder


@pytest.mark.parametrize("name", sorted(RUN_NAMES))
def test_a_folder_with_files_of_somebody_else_takes_no_run(tmp_path: Path, name: str) -> None:
    out = tmp_path / "project"
    out.mkdir()
    if "." in name:
        (out / name).write_text("{}")
    else:
        (out / name).mkdir()
        (out / name / "photo.jpg").write_bytes(b"photo")
    with pytest.raises(UserError, match=f"project holds {name}, .*choose another --out"):
        check_out(str(tmp_path / "photos"), str(out))


def test_a_link_to_a_folder_of_photos_takes_no_run(tmp_path: Path) -> None:
    (tmp_path / "photos/images").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    with pytest.raises(UserError, match="holds images"):
        check_run_folder(str(tmp_path / "link"))


@pytest.mark.parametrize("made", ["images/manifest.json", ".staging/lease-000001.json", "run.json"])
def test_a_run_continues_in_its_folder(tmp_path: Path, made: str) -> None:
    path = tmp_path / made
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"fingerprint": "x"}')
    (tmp_path / "models/tagger").mkdir(parents=True)
    check_run_folder(str(tmp_path))


def test_a_new_folder_or_one_with_other_names_takes_a_run(tmp_path: Path) -> None:
    check_run_folder(str(tmp_path / "new"))
    (tmp_path / "notes.txt").write_text("mine")
    check_run_folder(str(tmp_path))
    check_run_folder("memory://no-such-folder")


def test_an_object_store() -> None:
    fsspec.filesystem("memory").pipe_file("/foreign-project/images/photo.jpg", b"photo")
    with pytest.raises(UserError, match="holds images"):
        check_run_folder("memory://foreign-project")


def test_a_file_is_replaced_by_its_kind_alone(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    check_file(folder, "page.html", lambda data: False, "a page")
    (tmp_path / "page.html").write_bytes(b"ours")
    check_file(folder, "page.html", lambda data: data == b"ours", "a page")
    (tmp_path / "page.html").write_bytes(b"a photo")
    with pytest.raises(UserError, match=r"page\.html exists and is not a page: choose another"):
        check_file(folder, "page.html", lambda data: data == b"ours", "a page")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="exists and is not a page"):
        check_file(folder, "folder", lambda data: True, "a page")


def test_files_of_an_earlier_call_are_free(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nothing")
    folder = Folder(str(tmp_path))
    check_free(folder, ["a.png", "d.png"], ["a.png"])
    with pytest.raises(UserError, match=r"b\.png and 1 more files would be replaced"):
        check_free(folder, ["a.png", "b.png", "c.png"], ["a.png"])
    with pytest.raises(UserError, match=r"dangling\.png would be replaced"):
        check_free(folder, ["dangling.png"], [])
