"""The command label and its source: places that are refused, before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipeline.ingestion.test_ingest import jpeg
from tests.pipeline.sources.base_source import put


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for number, tag in enumerate(("cat", "dog")):
        put(str(tmp_path / "src"), f"{tag}/{number}.jpg", jpeg(number))
    return tmp_path / "src"


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


@pytest.mark.parametrize("out", ["{src}/run", "{src}", "", "/proc/nope/run", "{src}/cat/0.jpg/run"])
@pytest.mark.parametrize("options", [(), ("--retrain",)])
def test_a_place_where_no_run_can_be(command, folders, out, options):
    before = files(folders)
    place = out.format(src=folders)
    code, printed, err = command("label", folders, "--out", place, "--engine", "local", *options)
    assert (code, printed) == (2, "")
    sentence = err.strip().splitlines()[-1]
    assert sentence.startswith(("tag2mask: --out ", "tag2mask: cannot make the folder /proc/nope"))
    assert files(folders) == before


@pytest.mark.parametrize(
    ("paths", "options", "part"),
    [
        (("train/a.jpg", "val/b.jpg"), (), "looks like images of the splits train, val"),
        (("images/a.jpg", "masks/a.png"), (), "the folders images/, masks/"),
        (("cat/a.jpg",), ("--source-kind", "tar"), "unknown kind of source 'tar': choose from"),
        (("cat/a.jpg",), ("--source-kind", "yolo"), "holds no tagged images: looked for a YOLO"),
        (("horse, brown/a.jpg",), ("--class", "horse, black"), "did you mean 'horse, brown'?"),
    ],
)
def test_a_source_that_is_none(command, tmp_path, paths, options, part):
    for number, path in enumerate(paths):
        put(str(tmp_path / "src"), path, jpeg(number))
    arguments = ("label", tmp_path / "src", "--out", tmp_path / "run", "--engine", "local")
    code, printed, err = command(*arguments, *options)
    assert (code, printed) == (2, "")
    assert part in err.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_two_images_with_one_id(command, tmp_path):
    document = {
        "images": [{"id": 1, "file_name": "0.jpg"}, {"id": 1, "file_name": "1.jpg"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    text = json.dumps(document).encode()
    put(str(tmp_path / "src"), "annotations/instances_train.json", text)
    for number in range(2):
        put(str(tmp_path / "src"), f"images/{number}.jpg", jpeg(number))
    arguments = ("label", tmp_path / "src", "--out", tmp_path / "run", "--engine", "local")
    code, _, err = command(*arguments)
    assert code == 2
    assert "have the id 1: 0.jpg and 1.jpg" in err.splitlines()[-1]
