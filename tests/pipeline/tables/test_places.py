"""A run's folder is never a part of its source, nor the other way round."""

from __future__ import annotations

from pathlib import Path

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.places import check_apart, check_out


@pytest.mark.parametrize("out", ["src/run", "src", "src/a/b", "x/../src/run", "link/run", "link"])
def test_a_run_inside_its_source_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "src")
    monkeypatch.chdir(tmp_path)
    for source in ("src", str(tmp_path / "src"), "./src/", f"file://{tmp_path}/src"):
        with pytest.raises(UserError, match=rf"^--out {out} lies in the source"):
            check_out(source, out)


@pytest.mark.parametrize("out", ["", " "])
def test_a_run_without_a_name_is_refused(tmp_path: Path, out: str) -> None:
    with pytest.raises(UserError, match="--out is empty: name a folder"):
        check_out(str(tmp_path), out)


def test_a_source_that_a_run_would_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"writes images/: choose another"):
        check_out(str(tmp_path / "images"), str(tmp_path))


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("src", "run"),
        ("src", "src-run"),
        ("data/photos", "data"),
        ("memory://src", "src/run"),
        ("memory://src", "memory://src2"),
        ("src/tags.tar", "src/run"),
    ],
)
def test_places_beside_each_other_do(source: str, out: str) -> None:
    check_out(source, out)


def test_places_on_other_storages_are_compared(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lies in the source"):
        check_out("memory://src", "memory://src/run")


@pytest.mark.parametrize("out", ["src", "src/masks", "link", "link/a", "x/../src", "other/src"])
def test_files_are_never_written_among_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "src")
    (tmp_path / "other/src").symlink_to("../link")
    monkeypatch.chdir(tmp_path)
    for images in ("src", str(tmp_path / "link"), f"file://{tmp_path}/src/"):
        with pytest.raises(UserError, match="choose another --out"):
            check_apart(images, out)


def test_a_folder_beside_images_takes_files(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for out in ("src-masks", "masks", "."):
        check_apart(str(tmp_path / "src"), str(tmp_path / out))
    check_apart("memory://src", "memory://masks")
    with pytest.raises(UserError, match="--out is empty"):
        check_apart(str(tmp_path / "src"), " ")
    with pytest.raises(UserError, match="choose another --out"):
        check_apart("memory://src", "memory://src/masks")
