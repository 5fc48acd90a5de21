"""Exports of any format: the choice of rows, specks, refusals and settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.formats.export_dataset import Choice, export_dataset
from tag2mask.pipeline.formats.export_settings import (
    ExportSettings,
    read_export_settings,
)
from tag2mask.pipeline.publication.publish import ADDED_COLUMNS, dataset_schema
from tag2mask.pipeline.records import IGNORE
from tag2mask.pipeline.tables.table import Table

# As a module: pytest would collect classes that stand here by name once more.
from tests.pipeline.formats import test_export as readers
from tests.pipeline.formats.masks import PATHS, awkward_masks, dataset, dataset_row
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import CLASSES


def test_a_choice_takes_rows_and_changes_no_pixel(table: Table, tmp_path: Path) -> None:
    written = export_dataset(table.uri, "voc", tmp_path / "dogs", Choice(["dog"]))
    found = readers.TestVoc().rebuilt(tmp_path / "dogs")
    expected = {mask.tobytes() for mask in awkward_masks() if (mask == 2).any()}
    assert {mask.tobytes() for mask in found.values()} == expected
    assert written.images == len(expected) == 3


def test_a_choice_by_confidence(tmp_path: Path) -> None:
    rows = [
        dataset_row(awkward_masks()[0], f"{number}.png", class_confidence=[number / 10, 0.75])
        for number in range(10)
    ]
    uri = dataset(tmp_path, rows).uri
    written = export_dataset(uri, "hf", tmp_path / "one", Choice(confidence=0.75))
    assert written.images == 2
    assert written.lost.startswith("8 of 10 images do not meet the conditions: not written\n")
    by_class = Choice(confidence={"cat": 0.3, "dog": 0.7})
    assert export_dataset(uri, "hf", tmp_path / "two", by_class).images == 7
    others = Choice(confidence={"cat": 0.3, "*": 0.8})
    with pytest.raises(UserError, match="no mask meets"):
        export_dataset(uri, "hf", tmp_path / "three", others)


def test_a_dataset_of_version_0_1_is_exported_by_probabilities(tmp_path: Path) -> None:
    kept = [dataset_row(mask, path) for mask, path in zip(awkward_masks(), PATHS, strict=True)]
    schema = dataset_schema(list(CLASSES))
    old = pa.schema([field for field in schema if field.name not in ADDED_COLUMNS])
    target = writer(tmp_path, "dataset", old, metadata={"classes": list(CLASSES)})
    target.stage(kept)
    uri = target.commit().uri
    least = {"cat": 0.8, "dog": 0.75, "bird": 0.5}
    names = dict(enumerate(CLASSES, start=1))
    wanted = [
        row
        for row in kept
        if all(0.9 - 0.1 * tag >= least[names[tag]] - 1e-6 for tag in row["tags"])
        and row["tags"] == row["classes"]
    ]
    written = export_dataset(uri, "voc", tmp_path / "out", Choice(confidence=least))
    assert 0 < written.images == len(wanted) < len(kept)


@pytest.mark.parametrize(
    ("kind", "choice", "sentence"),
    [
        ("vox", Choice(), "unknown format 'vox'"),
        ("voc", Choice(["dgo"]), "unknown class 'dgo'"),
        ("voc", Choice(confidence=0.9), "no mask meets the conditions"),
        ("voc", Choice(confidence=80), "between 0 and 1"),
    ],
)
def test_bad_input_writes_nothing(
    table: Table, tmp_path: Path, kind: str, choice: Choice, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        export_dataset(table.uri, kind, tmp_path / "out", choice)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_something_is_left_alone(table: Table, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        export_dataset(table.uri, "voc", tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.txt"]
    with pytest.raises(UserError, match="is a file"):
        export_dataset(table.uri, "voc", tmp_path / "out/mine.txt")


def test_a_table_of_other_rows_is_refused(tmp_path: Path) -> None:
    from tests.pipeline.small_tables import images_table

    with pytest.raises(UserError, match=r"no column.*RUN/dataset"):
        export_dataset(images_table(tmp_path, 2).uri, "voc", tmp_path / "out")


def specks() -> np.ndarray:
    """A mask (40, 50) with two large components of class 1, one of class 2, and three specks."""
    mask = np.zeros((40, 50), np.uint8)
    mask[2:20, 2:12] = 1
    mask[2:20, 30:40] = 1
    mask[25:38, 5:30] = 2
    mask[22, 45] = mask[39, 0] = 1
    mask[0, 48:] = 3
    return mask


@pytest.mark.parametrize("shapes", ["polygon", "rle"])
@pytest.mark.parametrize(("objects", "count"), [("component", 3), ("class", 2)])
def test_specks_are_dropped_and_counted(
    tmp_path: Path, objects: str, count: int, shapes: str
) -> None:
    uri = dataset(tmp_path, [dataset_row(specks(), "a.png", tags=(1, 2, 3))]).uri
    settings = read_export_settings(objects=objects, shapes=shapes, min_area=0.002)
    written = export_dataset(uri, "coco", tmp_path / "out", settings=settings)
    assert (written.objects, written.dropped) == (count, 3)
    assert written.lost.startswith("3 components under 0.200% of their image are no objects")
    coco = COCO(str(tmp_path / "out/annotations/instances_train.json"))
    shown = np.zeros((40, 50), np.uint8)
    for annotation in coco.dataset["annotations"]:
        region = coco.annToMask(annotation).astype(bool)
        assert region.sum() == annotation["area"]
        shown[region] = annotation["category_id"]
    expected = specks()
    expected[22, 45] = expected[39, 0] = expected[0, 48:] = 0
    np.testing.assert_array_equal(shown, expected)


@pytest.mark.parametrize("kind", ["coco", "yolo", "voc", "coco-panoptic"])
def test_the_default_drops_no_object_that_a_person_sees(tmp_path: Path, kind: str) -> None:
    mask = np.zeros((200, 300), np.uint8)
    mask[10:20, 10:20] = 1
    mask[100:108, 100:108] = 2  # 64 of 60,000 pixels
    mask[150, 150] = mask[160:162, 160:165] = 3
    uri = dataset(tmp_path, [dataset_row(mask, "a.png"), dataset_row(mask.T, "b.png")]).uri
    written = export_dataset(uri, kind, tmp_path / "out")
    assert (written.objects, written.dropped) == (4, 4)


def test_dropped_components_belong_to_no_segment(tmp_path: Path) -> None:
    uri = dataset(tmp_path, [dataset_row(specks(), "a.png")]).uri
    export_dataset(uri, "coco-panoptic", tmp_path / "out", settings=ExportSettings(min_area=0.002))
    found = readers.TestCocoPanoptic().rebuilt(tmp_path / "out")["a"]
    expected = specks()
    expected[22, 45] = expected[39, 0] = expected[0, 48:] = IGNORE
    np.testing.assert_array_equal(found, expected)


def test_parts_of_one_class_are_one_line(tmp_path: Path) -> None:
    uri = dataset(tmp_path, [dataset_row(specks(), "a.png")]).uri
    settings = ExportSettings(min_area=0.002, objects="class", val_share=0)
    export_dataset(uri, "yolo", tmp_path / "out", settings=settings)
    lines = (tmp_path / "out/labels/train/a.txt").read_text().splitlines()
    assert sorted(line.split()[0] for line in lines) == ["0", "1"]
    ((_, exact, _),) = readers.TestYolo().drawn(tmp_path / "out")
    expected = specks()
    expected[22, 45] = expected[39, 0] = expected[0, 48:] = 0
    np.testing.assert_array_equal(exact, expected)


def test_coco_evaluates_an_export_against_itself_as_perfect(tmp_path: Path) -> None:
    """With COCO's own limit of a hundred detections an image, on masks full of specks."""
    random = np.random.default_rng(0)
    rows = []
    for number in range(3):
        mask = np.where(random.random((120, 160)) < 0.05, 3, 0).astype(np.uint8)
        mask[20:60, 20:70] = 1
        mask[70:110, 40:150] = 2
        rows.append(dataset_row(mask, f"{number}.png"))
    uri = dataset(tmp_path, rows).uri
    written = export_dataset(uri, "coco", tmp_path / "out")
    assert written.objects == 6
    assert written.dropped > 1000
    coco = COCO(str(tmp_path / "out/annotations/instances_train.json"))
    for kind in ("segm", "bbox"):
        results = COCOeval(coco, coco.loadRes(coco.dataset["annotations"]), kind)
        results.evaluate()
        results.accumulate()
        results.summarize()
        assert results.stats[0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"min_area": 2}, "min-area 2"),
        ({"objects": "thing"}, "objects 'thing'"),
        ({"shapes": "box"}, "shapes 'box'"),
        ({"val_share": 1}, "val 1"),
    ],
)
def test_bad_settings_are_one_sentence(values: dict[str, float | str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        read_export_settings(**values)
