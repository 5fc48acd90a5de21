"""Splits: the shares that were asked for, the same every time, no copy on both sides."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.formats.export_dataset import export_dataset
from tag2mask.pipeline.formats.export_settings import ExportSettings
from tag2mask.pipeline.formats.splits import plan_splits
from tag2mask.pipeline.records import Row, image_id
from tests.pipeline.formats.masks import awkward_masks, dataset, dataset_row


def rows(count: int, classes: int = 4) -> list[Row]:
    """Rows whose classes are of very different frequency, every tenth a near duplicate."""
    made: list[Row] = []
    for number in range(count):
        shown = [value for value in range(1, classes + 1) if number % 3 ** (value - 1) == 0]
        row: Row = {"id": image_id(str(number).encode()), "classes": shown}
        row["near_duplicate_of"] = made[-1]["id"] if number % 10 == 9 else None
        row["image"] = {"path": f"{number}.jpg"}
        made.append(row)
    return made


@pytest.mark.parametrize("method", ["stratified", "hash"])
def test_shares_seeds_and_copies(method):
    made = rows(2000)
    shares = {"val": 0.2, "test": 0.1}
    of = plan_splits(made, method, shares, seed=3)
    found = {row["id"]: of(row) for row in made}
    counts = Counter(found.values())
    assert counts["val"] == pytest.approx(400, abs=60)
    assert counts["test"] == pytest.approx(200, abs=50)
    for row in made:
        if row["near_duplicate_of"]:
            assert found[row["id"]] == found[row["near_duplicate_of"]]
    again = plan_splits(reversed(made), method, shares, seed=3)
    assert {row["id"]: again(row) for row in made} == found
    other = plan_splits(made, method, shares, seed=4)
    assert {row["id"]: other(row) for row in made} != found


def test_every_class_gets_its_share():
    made = [row for row in rows(2000) if not row["near_duplicate_of"]]
    of = plan_splits(made, "stratified", {"val": 0.2}, seed=0)
    # Class 4 is the rarest: each of its images is counted for it.
    rare = [row for row in made if 4 in row["classes"]]
    assert sum(of(row) == "val" for row in rare) == pytest.approx(0.2 * len(rare), abs=1)


def test_an_image_keeps_its_split_when_others_are_added():
    made = rows(500)
    before = plan_splits(made[:100], "hash", {"val": 0.3}, seed=0)
    after = plan_splits(made, "hash", {"val": 0.3}, seed=0)
    assert [before(row) for row in made[:100]] == [after(row) for row in made[:100]]


def test_the_folders_of_the_source_name_the_split():
    of = plan_splits([], "source", {}, seed=0, default="train")
    paths = {
        "val/cat/1.jpg": "val",
        "train-0001.tar/1.jpg": "train",
        "cat/test.jpg": "train",
        "cat/1.jpg": "train",
        "data/validation/1.jpg": "validation",
    }
    assert {path: of({"image": {"path": path}}) for path in paths} == paths


def test_the_source_itself_lists_the_splits(tmp_path: Path) -> None:
    mask = awkward_masks()[0]
    source = tmp_path / "source"
    source.mkdir()
    lines = ["file,tags,split"]
    for number in range(6):
        (source / f"{number}.png").write_bytes(dataset_row(mask, f"{number}.png")["image"]["bytes"])
        lines.append(f"{number}.png,cat,{'validation' if number < 2 else 'train'}")
    (source / "tags.csv").write_text("\n".join(lines))
    run = tmp_path / "run"
    uri = dataset(run, [dataset_row(mask, f"{number}.png") for number in range(6)]).uri
    (run / "run.json").write_text(json.dumps({"source": str(source)}))
    settings = ExportSettings(split="source")
    written = export_dataset(uri, "yolo", tmp_path / "out", settings=settings)
    assert written.splits == {"train": 4, "validation": 2}
    found = {path.stem for path in (tmp_path / "out/images/validation").iterdir()}
    assert found == {"0", "1"}
    lines = (tmp_path / "out/data.yaml").read_text().splitlines()
    assert lines[:2] == ["train: images/train", "val: images/validation"]
    # Without the source, the folders of the paths are left to tell.
    shutil.rmtree(source)
    written = export_dataset(uri, "voc", tmp_path / "again", settings=settings)
    assert written.splits == {"train": 6}


def test_a_small_dataset_has_at_least_one_validation_image():
    made = rows(5)
    of = plan_splits(made, "stratified", {"val": 0.01}, seed=0)
    assert sum(of(row) == "val" for row in made) == 1


@pytest.mark.parametrize(
    ("count", "shares", "sentence"),
    [(1, {"val": 0.5}, "too few"), (9, {"val": 0.6, "test": 0.4}, "leave no images")],
)
def test_shares_that_cannot_be(count, shares, sentence):
    with pytest.raises(UserError, match=sentence):
        plan_splits(rows(count), "stratified", shares, seed=0)


FILES = {
    "voc": "ImageSets/Segmentation/{}.txt",
    "coco": "annotations/instances_{}.json",
    "coco-panoptic": "annotations/panoptic_{}.json",
    "coco-stuff": "annotations/stuff_{}.json",
    "hf": "{}/metadata.jsonl",
    "yolo": "labels/{}/0.txt",
    "label-studio": "tasks_{}.json",
    "cvat": "annotations.xml",
    "webdataset": "{}-000000.tar",
}


@pytest.mark.parametrize("kind", FILES)
def test_every_format_writes_its_splits(tmp_path: Path, kind: str) -> None:
    mask = awkward_masks()[0]
    uri = dataset(tmp_path, [dataset_row(mask, f"{number}.png") for number in range(10)]).uri
    settings = ExportSettings(val_share=0.3, test_share=0.2)
    written = export_dataset(uri, kind, tmp_path / "out", settings=settings)
    assert written.splits == {"train": 5, "val": 3, "test": 2}
    if kind != "yolo":
        for split in written.splits:
            assert (tmp_path / "out" / FILES[kind].format(split)).is_file()
    if kind == "webdataset":
        return
    stems = [path.stem.partition("-")[0] for path in (tmp_path / "out").rglob("*.png")]
    images = [stem for stem in stems if stem.isdigit()]
    assert {*images} == {str(number) for number in range(10)}


def test_yolo_validates_on_other_images_than_it_trains_on(tmp_path: Path) -> None:
    mask = awkward_masks()[0]
    uri = dataset(tmp_path, [dataset_row(mask, f"{number}.png") for number in range(20)]).uri
    assert export_dataset(uri, "yolo", tmp_path / "out").splits == {"train": 18, "val": 2}
    lines = (tmp_path / "out/data.yaml").read_text().splitlines()
    assert lines[:2] == ["train: images/train", "val: images/val"]
    train, val = (
        {path.stem for path in (tmp_path / "out/images" / split).iterdir()}
        for split in ("train", "val")
    )
    assert not train & val
    assert {path.stem for path in (tmp_path / "out/labels/val").iterdir()} == val


def test_a_split_that_would_be_empty_is_refused(tmp_path: Path) -> None:
    uri = dataset(tmp_path, [dataset_row(awkward_masks()[0], "a.png")]).uri
    settings = ExportSettings(split="hash", val_share=0.1)
    with pytest.raises(UserError, match=r"no image falls into the split (val|train)"):
        export_dataset(uri, "voc", tmp_path / "out", settings=settings)
    assert not (tmp_path / "out").exists()
