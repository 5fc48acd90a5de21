"""What a source is guessed to be: folders that are no tags are never taken for tags."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.formats.export_dataset import export_dataset
from tag2mask.pipeline.sources import open_source
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.correction.conftest import dataset, finished_with_ignored  # noqa: F401
from tests.pipeline.sources.base_source import by_name, listed, put
from tests.pipeline.sources.test_coco import instances
from tests.pipeline.toys import CLASSES

ADVICE = "if all its folders are tags, add --source-kind folders"


@pytest.mark.parametrize(
    ("paths", "recognized"),
    [
        (("train/a.jpg", "test/b.jpg", "val/c.jpg"), "images of the splits test, train, val"),
        (("train2017/a.jpg", "val2017/b.jpg"), "images of the splits train2017, val2017"),
        (("train_images/a.jpg", "train_masks/a.png"), "the folders train_images/, train_masks/"),
        (("pets/cat/a.jpg", "pets/dog/b.jpg"), r"a single folder pets/ with the folders cat, dog"),
        (("SegmentationClassAug/a.png", "cat/a.jpg"), "the folders SegmentationClassAug/"),
        (("ground_truth/a.png", "cat/a.jpg"), "the folders ground_truth/"),
        (("groundTruth/a.png", "cat/a.jpg"), "the folders groundTruth/"),
        (("Train/a.jpg",), "images of the splits Train without tags"),
        (("images/a.jpg", "masks/a.png"), "the folders images/, masks/"),
        (("images/a.jpg",), "the folders images/"),
        (("images/a.jpg", "annotations/xmls/a.xml"), "the folders annotations/, images/"),
        (("data/cat/a.jpg",), "the folders data/"),
        (("cat/a.jpg", "masks/a.png"), "the folders masks/"),
        (("cat/a.jpg", "Labels/a.png"), "the folders Labels/"),
        (("train/images/a.jpg", "train/masks/a.png"), "train/images/, train/masks/"),
        (("cat/a.jpg", "dog/b.jpg", "test/c.jpg"), r"folders of tags \(cat, dog\) beside splits"),
        (("cat/a.jpg", "train/dog/c.jpg"), r"folders of tags \(cat\) beside splits \(train\)"),
        (("set/one/images/a.jpg", "set/one/labels/a.txt"), "set/one/images/, set/one/labels/"),
    ],
)
def test_parts_of_a_data_set_are_no_tags(
    tmp_path: Path, paths: tuple[str, ...], recognized: str
) -> None:
    for path in paths:
        put(str(tmp_path), path, b"x")
    with pytest.raises(UserError, match=recognized) as caught:
        open_source(str(tmp_path))
    assert ADVICE in str(caught.value)


def test_a_kind_that_is_given_overrides_the_guess(tmp_path: Path) -> None:
    for path in ("train/a.jpg", "images/b.jpg"):
        put(str(tmp_path), path, b"x")
    assert by_name(open_source(str(tmp_path), "folders")) == {
        "a.jpg": ("train",),
        "b.jpg": ("images",),
    }


def test_names_that_only_hold_such_words_are_tags(tmp_path: Path) -> None:
    for number, tag in enumerate(("gas mask", "train station", "data center", "2", "ground beef")):
        put(str(tmp_path), f"{tag}/{number}.jpg", b"x")
    found = open_source(str(tmp_path)).images()
    assert {file.tags[0] for file in found} == {
        "gas mask",
        "train station",
        "data center",
        "2",
        "ground beef",
    }


def test_masks_beside_their_images_are_skipped(tmp_path: Path) -> None:
    for name in ("1.jpg", "1_mask.png", "1_mask_1.png", "2.png", "2-gt.png", "gas_mask.jpg"):
        put(str(tmp_path), f"cat/{name}", b"x")
    found = listed(open_source(str(tmp_path)))
    kept = {path for path, file in found.items() if not file.skipped}
    assert kept == {"cat/1.jpg", "cat/2.png", "cat/gas_mask.jpg"}


def test_folders_with_lists_of_tags_are_named(tmp_path: Path) -> None:
    for part in ("train", "val"):
        put(str(tmp_path), f"{part}/tags.csv", b"file,tags\n1.jpg,cat\n")
        put(str(tmp_path), f"{part}/1.jpg", b"x")
    with pytest.raises(UserError, match=r"sources in its folders \(train, val\), .*: give one"):
        open_source(str(tmp_path))


def test_a_train_among_other_classes_is_a_tag(tmp_path: Path) -> None:
    for path in ("train/a.jpg", "cat/b.jpg"):
        put(str(tmp_path), path, b"x")
    assert by_name(open_source(str(tmp_path))) == {"a.jpg": ("train",), "b.jpg": ("cat",)}


def test_splits_with_tags_inside(tmp_path: Path) -> None:
    for path in ("train/cat/1.jpg", "val/cat/2.jpg", "val/sea lion/x/3.jpg", "test/4.jpg"):
        put(str(tmp_path), path, b"x")
    found = listed(open_source(str(tmp_path)))
    assert {path: (file.split, file.tags) for path, file in found.items()} == {
        "train/cat/1.jpg": ("train", ("cat",)),
        "val/cat/2.jpg": ("val", ("cat",)),
        "val/sea lion/x/3.jpg": ("val", ("sea lion",)),
        "test/4.jpg": ("test", ()),
    }


def test_what_systems_leave_is_nothing(tmp_path: Path) -> None:
    for path in ("cat/a.jpg", "__MACOSX/cat/._a.jpg", "__MACOSX/a.jpg", "@eaDir/b.jpg"):
        put(str(tmp_path), path, b"x")
    put(str(tmp_path), "cat/@eaDir/a.jpg", b"x")
    put(str(tmp_path), "cat/Thumbs.db", b"x")
    assert by_name(open_source(str(tmp_path))) == {"a.jpg": ("cat",)}


def test_the_folder_of_a_run_is_no_class(tmp_path: Path) -> None:
    for path in ("cat/a.jpg", "run/run.json", "run/contact_sheet.png", "run/images/x.parquet"):
        put(str(tmp_path), path, b"x")
    source = open_source(str(tmp_path))
    assert by_name(source) == {"a.jpg": ("cat",)}
    assert source.notes == ["run/ is the folder of a labeling run: it is not read"]


def test_the_coco_of_roboflow(tmp_path: Path) -> None:
    images: dict[str, tuple[str, ...]] = {"a.jpg": ("cat",), "b.jpg": ("dog", "person")}
    valid: dict[str, tuple[str, ...]] = {"c.jpg": ("cat",)}
    for split, part in (("train", images), ("valid", valid)):
        for name in part:
            put(str(tmp_path), f"{split}/{name}", name.encode())
        document = json.dumps(instances(part)).encode()
        put(str(tmp_path), f"{split}/_annotations.coco.json", document)
    source = open_source(str(tmp_path))
    assert source.kind == "coco"
    assert by_name(source) == images | {"c.jpg": ("cat",)}
    assert listed(source)["valid/c.jpg"].split == "valid"
    assert all(file.problem is None for file in source.images())


def test_the_coco_of_fiftyone(tmp_path: Path) -> None:
    images = {"a.jpg": ("cat",), "b.jpg": ("dog", "person")}
    for name in images:
        put(str(tmp_path), f"data/{name}", name.encode())
    put(str(tmp_path), "labels.json", json.dumps(instances(images)).encode())
    source = open_source(str(tmp_path))
    assert (source.kind, by_name(source)) == ("coco", images)


def test_xml_annotations_beside_images(tmp_path: Path) -> None:
    put(str(tmp_path), "images/a.jpg", b"a")
    xml = b"<annotation><object><name>cat</name></object></annotation>"
    put(str(tmp_path), "annotations/a.xml", xml)
    source = open_source(str(tmp_path))
    assert (source.kind, by_name(source)) == ("voc", {"a.jpg": ("cat",)})


@pytest.mark.parametrize(
    ("kind", "source_kind"),
    [
        ("voc", "tags.csv"),
        ("coco", "coco"),
        ("coco-panoptic", "coco"),
        ("coco-stuff", "coco"),
        ("hf", "imagefolder"),
        ("yolo", "yolo"),
    ],
)
def test_our_own_exports_are_sources(
    dataset: str,  # noqa: F811
    tmp_path: Path,
    kind: str,
    source_kind: str,
) -> None:
    export_dataset(dataset, kind, tmp_path / "out")
    source = open_source(str(tmp_path / "out"))
    assert source.kind == source_kind
    rows = list(Table.open(dataset).rows(["image", "tags"]))
    expected = {
        Path(row["image"]["path"]).stem: {CLASSES[value - 1] for value in row["tags"]}
        for row in rows
    }
    found = {Path(file.path).stem: {*file.tags} for file in source.images()}
    assert found == expected
    assert all(file.problem is None for file in source.images())
    assert all(source.read(file.address) for file in source.images())


def test_an_export_without_its_list_is_refused(
    dataset: str,  # noqa: F811
    tmp_path: Path,
) -> None:
    export_dataset(dataset, "voc", tmp_path / "out")
    (tmp_path / "out/tags.csv").unlink()
    shutil.rmtree(tmp_path / "out/Annotations", ignore_errors=True)
    shutil.rmtree(tmp_path / "out/ImageSets")
    with pytest.raises(UserError, match="looks like a data set with the folders JPEGImages/"):
        open_source(str(tmp_path / "out"))


def table(path: Path, cells: list[str]) -> list[tuple[str, ...]]:
    with (path / "tags.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "tags"])
        writer.writerows([f"{number}.jpg", cell] for number, cell in enumerate(cells))
    source = open_source(str(path))
    tags = [file.tags for file in source.images()]
    (path / "notes.txt").write_text("\n".join(source.notes))
    return tags


@pytest.mark.parametrize(
    ("cells", "tags", "note"),
    [
        (["cat;dog", "bird"], [("cat", "dog"), ("bird",)], "1 cells of tags.csv hold ';', such as"),
        (["cat, dog", "cat", "dog"], [("cat", "dog"), ("cat",), ("dog",)], "each part is a tag"),
        (
            ["horse, brown", "cat"],
            [("horse, brown",), ("cat",)],
            "taken whole; separate tags by | if",
        ),
        (["cat|dog", "a;b"], [("cat", "dog"), ("a;b",)], "taken whole; since other cells"),
        (["cat/dog", "cat", "dog"], [("cat", "dog"), ("cat",), ("dog",)], "each part is a tag"),
        (["dark/light"], [("dark/light",)], "taken whole; separate tags by | if"),
        (["cat\ndog"], [("cat", "dog")], "each part is a tag"),
        (["['cat', 'dog']", '["cat"]', "[]"], [("cat", "dog"), ("cat",), ()], "lists in brackets"),
        (["[cat]", "dog"], [("[cat]",), ("dog",)], ""),
        ([r"cat\|dog", "fish"], [("cat|dog",), ("fish",)], ""),
        (["cat", ""], [("cat",), ()], ""),
    ],
)
def test_separators_are_found_and_said(
    tmp_path: Path, cells: list[str], tags: list[tuple[str, ...]], note: str
) -> None:
    assert table(tmp_path, cells) == tags
    said = (tmp_path / "notes.txt").read_text()
    assert note in said if note else not said
