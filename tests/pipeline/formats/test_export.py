"""What every format must do: rebuilt by foreign readers, the masks are the same."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote
from xml.etree import ElementTree

import datasets
import numpy as np
import pytest
import webdataset
from PIL import Image, ImageDraw
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from skimage.draw import polygon

from tag2mask.pipeline.evaluation.voc import confusion, scores
from tag2mask.pipeline.formats import EXPORTERS
from tag2mask.pipeline.formats.base import id_prefix
from tag2mask.pipeline.formats.export_dataset import export_dataset, write_rows
from tag2mask.pipeline.formats.export_settings import (
    LOSSLESS,
    ExportSettings,
)
from tag2mask.pipeline.records import IGNORE, ClassTable, palette
from tag2mask.pipeline.sources import open_source
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.formats.masks import awkward_masks, dataset, dataset_row
from tests.pipeline.toys import CLASSES

TABLE = ClassTable(names=CLASSES)
NAMES = {
    "cat/a.png": "a",
    "dog/a.png": "a-",
    "dog/a.jpg": "a-",
    "two words.png": "two_words",
    "ü|,x.png": "ü_x",
    ".hidden.png": "hidden",
    "b.png": "b",
}
Masks = dict[str, np.ndarray]


class ExportTests:
    """The base test: a format says how its files are read, and passes all of these."""

    kind: ClassVar[str]
    lost: ClassVar[str]
    lost_start: ClassVar[str] = "every pixel is kept"
    keeps_ignore: ClassVar[bool] = True
    names_hold_ids: ClassVar[bool] = False
    settings: ClassVar[ExportSettings] = ExportSettings(min_area=0, val_share=0)

    def rebuilt(self, folder: Path) -> Masks:
        """The masks by the stem of their image, read without this project's code."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def exported(cls, table: Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp(cls.kind) / "out"
        written = export_dataset(table.uri, cls.kind, folder, settings=cls.settings)
        cls.lost = written.lost
        assert written.images == len(table)
        assert written.splits == {"train": len(table)}
        return folder

    def test_no_pixel_is_lost(self, exported: Path, table: Table) -> None:
        found = self.rebuilt(exported)
        assert len(found) == len(table)
        expected = {mask.tobytes() for mask in map(self.expected, awkward_masks())}
        assert {mask.tobytes() for mask in found.values()} == expected

    def expected(self, mask: np.ndarray) -> np.ndarray:
        return mask if self.keeps_ignore else np.where(mask == IGNORE, 0, mask)

    def test_images_are_the_same_bytes(self, exported: Path, table: Table) -> None:
        folder = exported / EXPORTERS[self.kind].image_folder("train")
        found = {file.read_bytes() for file in folder.iterdir()}
        assert found == {row["image"]["bytes"] for row in table.rows(["image"])}

    def test_names_are_plain_and_different(self, exported: Path) -> None:
        folder = exported / EXPORTERS[self.kind].image_folder("train")
        stems = [file.stem for file in folder.iterdir()]
        assert sorted(stem.partition("-")[0] for stem in stems) == sorted(
            name.rstrip("-") for name in NAMES.values()
        )
        with_ids = len(stems) if self.names_hold_ids else 2
        assert sum(id_prefix(stem) is not None for stem in stems) == with_ids

    def test_a_format_says_what_it_loses(self, exported: Path) -> None:
        assert self.lost.startswith(self.lost_start)

    def test_nothing_is_there_after_a_failure(self, tmp_path: Path) -> None:
        def broken() -> Iterator[dict[str, object]]:
            yield dataset_row(awkward_masks()[0], "a.png")
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_rows(broken(), self.kind, tmp_path / "out", TABLE, lambda row: "a")
        assert not list(tmp_path.iterdir())

    def test_a_row_is_written_before_the_next_is_read(self, tmp_path: Path) -> None:
        def watched() -> Iterator[dict[str, object]]:
            for number, mask in enumerate(awkward_masks()):
                folders = list(
                    tmp_path.glob(f".out.*/{EXPORTERS[self.kind].image_folder('train')}")
                )
                assert sum(len(list(folder.iterdir())) for folder in folders) == number
                yield dataset_row(mask, f"{number}.png")

        write_rows(watched(), self.kind, tmp_path / "out", TABLE, lambda row: row["id"])


class TestVoc(ExportTests):
    kind = "voc"

    def rebuilt(self, folder: Path) -> Masks:
        names = (folder / "ImageSets/Segmentation/train.txt").read_text().split()
        masks = {}
        for name in names:
            with Image.open(folder / f"SegmentationClass/{name}.png") as image:
                assert image.mode == "P"
                assert bytes(image.getpalette("RGB") or ())[: 3 * 4] == palette()[: 3 * 4]
                masks[name] = np.array(image)
        return masks

    def test_labels_and_colors(self, exported: Path) -> None:
        assert (exported / "classes.txt").read_text().split() == list(CLASSES)
        lines = (exported / "labelmap.txt").read_text().splitlines()
        assert lines[1:3] == ["background:0,0,0::", "cat:128,0,0::"]
        assert lines[-2:] == ["bird:128,128,0::", "ignore:224,224,192::"]

    def test_without_ignored_pixels_no_label_is_called_so(self, tmp_path: Path) -> None:
        uri = dataset(tmp_path, [dataset_row(awkward_masks()[0], "a.png")]).uri
        export_dataset(uri, "voc", tmp_path / "out")
        lines = (tmp_path / "out/labelmap.txt").read_text().splitlines()
        assert lines[-1] == "bird:128,128,0::"
        assert len(lines) == 1 + 1 + len(CLASSES)

    def test_boxes_of_the_objects(self, exported: Path) -> None:
        (mask,) = [m for m in awkward_masks() if m.shape == (20, 30)]
        files = sorted((exported / "Annotations").iterdir())
        assert len(files) == len(awkward_masks())
        trees = [ElementTree.parse(file).getroot() for file in files]
        (root,) = [tree for tree in trees if tree.findtext("size/width") == "30"]
        assert root.findtext("segmented") == "1"
        assert root.findtext("size/height") == "20"
        stem = Path(root.findtext("filename") or "").stem
        assert (exported / f"SegmentationClass/{stem}.png").is_file()
        found = {
            item.findtext("name"): [
                int(item.findtext(f"bndbox/{side}") or "")
                for side in ("xmin", "ymin", "xmax", "ymax")
            ]
            for item in root.iter("object")
        }
        # From 1, and the last pixel is inside.
        assert found == {"cat": [4, 3, 20, 18], "dog": [9, 9, 10, 10]}
        assert (mask[2:18, 3:20] > 0).any(axis=1).all()

    def test_the_tree_is_a_source_with_the_same_tags(self, exported: Path, table: Table) -> None:
        found = [file.tags for file in open_source(str(exported)).images() if not file.problem]
        expected = [tuple(CLASSES[tag - 1] for tag in row["tags"]) for row in table.rows(["tags"])]
        assert sorted(found) == sorted(expected)


class TestCocoInstances(ExportTests):
    kind = "coco"
    lost_start = "drawn again at the pixels' centers, polygons have a mean IoU of 1.0000"

    @pytest.fixture(scope="class")
    @classmethod
    def coco(cls, exported: Path) -> COCO:
        return COCO(str(exported / "annotations/instances_train.json"))

    def test_the_outlines_have_their_form(self, coco: COCO) -> None:
        for annotation in coco.dataset["annotations"]:
            polygons = annotation["segmentation"]
            assert isinstance(polygons, list)
            assert all(len(polygon) >= 6 and len(polygon) % 2 == 0 for polygon in polygons)
            assert annotation["iscrowd"] or len(polygons) == 1
            # FiftyOne has a field confidence of its own, and reads the key score into it.
            assert "confidence" not in annotation
            assert annotation["iscrowd"] or 0 <= annotation["score"] <= 1

    def rebuilt(self, folder: Path) -> Masks:
        coco = COCO(str(folder / "annotations/instances_train.json"))
        masks = {}
        for image in coco.loadImgs(coco.getImgIds()):
            mask = np.zeros((image["height"], image["width"]), np.uint8)
            for annotation in coco.loadAnns(coco.getAnnIds(image["id"])):
                value = IGNORE if annotation["iscrowd"] else annotation["category_id"]
                region = coco.annToMask(annotation).astype(bool)
                assert region.sum() == annotation["area"]
                rows, columns = np.nonzero(region)
                assert annotation["bbox"] == [
                    columns.min(),
                    rows.min(),
                    np.ptp(columns) + 1,
                    np.ptp(rows) + 1,
                ]
                mask[region] = value
            masks[Path(image["file_name"]).stem] = mask
        return masks

    def test_measured_against_itself_it_is_perfect(self, coco: COCO) -> None:
        detections = [
            annotation for annotation in coco.dataset["annotations"] if not annotation["iscrowd"]
        ]
        results = COCOeval(coco, coco.loadRes(detections), "segm")
        # More pieces than COCO's hundred would only be cut off.
        results.params.maxDets = [1, 10, 1000]
        results.evaluate()
        results.accumulate()
        for figure in ("precision", "recall"):
            found = results.eval[figure][..., -1]
            assert (found[found > -1] == 1).all()
            assert (found > -1).any()

    def test_every_connected_piece_is_an_object(self, coco: COCO) -> None:
        (image,) = [i["id"] for i in coco.dataset["images"] if i["width"] == 30]
        found = [item["category_id"] for item in coco.loadAnns(coco.getAnnIds(image))]
        assert sorted(found) == [1, 2]

    def test_ignored_pixels_are_crowds_of_every_tag(self, coco: COCO) -> None:
        (image,) = [
            i["id"] for i in coco.dataset["images"] if (i["height"], i["width"]) == (24, 17)
        ]
        crowds = coco.loadAnns(coco.getAnnIds(image, iscrowd=True))
        assert [crowd["category_id"] for crowd in crowds] == [2, 3]
        assert [crowd["area"] for crowd in crowds] == [17, 17]
        assert "crowd" in self.lost


class TestCocoRunLengths(TestCocoInstances):
    settings = LOSSLESS
    lost_start = "every pixel is kept"

    def test_the_outlines_have_their_form(self, coco: COCO) -> None:
        for annotation in coco.dataset["annotations"]:
            assert {*annotation["segmentation"]} == {"size", "counts"}


class TestCocoPanoptic(ExportTests):
    kind = "coco-panoptic"

    def rebuilt(self, folder: Path) -> Masks:
        document = json.loads((folder / "annotations/panoptic_train.json").read_text())
        classes = {item["id"]: item["name"] for item in document["categories"]}
        masks = {}
        for annotation in document["annotations"]:
            file = folder / "annotations/panoptic_train" / annotation["file_name"]
            with Image.open(file) as image:
                colors = np.array(image).astype(np.int64)
            segments = colors @ [1, 256, 256**2]
            mask = np.full(segments.shape, IGNORE, np.uint8)
            for info in annotation["segments_info"]:
                region = segments == info["id"]
                assert region.sum() == info["area"]
                name = classes[info["category_id"]]
                mask[region] = 0 if name == "background" else CLASSES.index(name) + 1
            assert {*np.unique(segments)} - {0} == {i["id"] for i in annotation["segments_info"]}
            masks[Path(annotation["file_name"]).stem] = mask
        images = {item["id"] for item in document["images"]}
        assert images == {item["image_id"] for item in document["annotations"]}
        return masks


class TestCocoStuff(ExportTests):
    kind = "coco-stuff"

    def rebuilt(self, folder: Path) -> Masks:
        coco = COCO(str(folder / "annotations/stuff_train.json"))
        background = len(CLASSES) + 1
        masks = {}
        for image in coco.loadImgs(coco.getImgIds()):
            stem = Path(image["file_name"]).stem
            map_ = np.zeros((image["height"], image["width"]), np.uint8)
            for annotation in coco.loadAnns(coco.getAnnIds(image["id"])):
                map_[coco.annToMask(annotation).astype(bool)] = annotation["category_id"]
            with Image.open(folder / f"annotations/stuff_train_pixelmaps/{stem}.png") as original:
                np.testing.assert_array_equal(np.array(original), map_)
            mask = np.where(map_ == background, 0, map_)
            masks[stem] = np.where(map_ == 0, IGNORE, mask).astype(np.uint8)
        return masks


class TestHuggingFace(ExportTests):
    kind = "hf"

    @pytest.fixture(scope="class")
    @classmethod
    def loaded(cls, exported: Path) -> datasets.Dataset:
        return datasets.load_dataset(
            "imagefolder", data_dir=str(exported), split="train", cache_dir=str(exported / "cache")
        )

    def rebuilt(self, folder: Path) -> Masks:
        loaded = datasets.load_dataset(
            "imagefolder",
            data_dir=str(folder),
            split="train",
            cache_dir=str(folder.parent / "cache"),
        )
        assert all(row["mask"].mode == "P" for row in loaded)
        return {row["id"]: np.array(row["mask"]) for row in loaded}

    def test_columns(self, loaded: datasets.Dataset, table: Table) -> None:
        rows = {row["id"]: row for row in table.rows()}
        assert {*loaded.column_names} >= {"image", "mask", "tags", "confidence", "source"}
        for row in loaded:
            expected = rows[row["id"]]
            assert row["image"].size == (expected["width"], expected["height"])
            assert row["tags"] == [CLASSES[tag - 1] for tag in expected["tags"]]
            assert row["confidence"] == pytest.approx(expected["confidence"], abs=1e-4)


class TestYolo(ExportTests):
    kind = "yolo"
    keeps_ignore = False
    lost_start = "drawn again at the pixels' centers, polygons have a mean IoU"

    def rebuilt(self, folder: Path) -> Masks:
        return {stem: mask for stem, mask, _ in self.drawn(folder)}

    def drawn(self, folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Masks by pixel centers, and as an ordinary drawing program fills polygons."""
        for image in sorted((folder / "images/train").iterdir()):
            with Image.open(image) as opened:
                width, height = opened.size
            exact = np.zeros((height, width), np.uint8)
            canvas = Image.new("L", (width, height))
            for line in (folder / f"labels/train/{image.stem}.txt").read_text().splitlines():
                value, *numbers = line.split()
                corners = np.array(numbers, float).reshape(-1, 2)
                assert len(corners) >= 3
                assert corners.min() >= 0
                assert corners.max() <= 1
                corners = corners * (width, height) - 0.5
                exact[polygon(corners[:, 1], corners[:, 0], exact.shape)] = int(value) + 1
                ImageDraw.Draw(canvas).polygon(list(map(tuple, corners)), fill=int(value) + 1)
            yield image.stem, exact, np.array(canvas)

    def test_a_drawing_program_loses_little(self, exported: Path) -> None:
        matrix = np.zeros((4, 5), np.int64)
        for _, exact, drawn in self.drawn(exported):
            matrix += confusion(exact, drawn, len(CLASSES))
        # Tiny masks with dust and holes of a few pixels: the worst case.
        assert scores(matrix, CLASSES).mean_iou > 0.7

    def test_the_loss_is_measured(self, exported: Path) -> None:
        assert "mean IoU of 1.0000" in self.lost
        assert "background" in self.lost

    def test_data_yaml_names_classes_and_images(self, exported: Path) -> None:
        lines = (exported / "data.yaml").read_text().splitlines()
        assert lines[0] == "train: images/train"
        assert lines[-3:] == ['  0: "cat"', '  1: "dog"', '  2: "bird"']


class TestLabelStudio(ExportTests):
    kind = "label-studio"
    keeps_ignore = False
    names_hold_ids = True
    lost_start = "every pixel of an object is kept; ignored pixels, "

    def rebuilt(self, folder: Path) -> Masks:
        config = ElementTree.parse(folder / "label_config.xml").getroot()
        labels = [label.get("value") for label in config.iter("Label")]
        assert labels == list(CLASSES)
        masks = {}
        for task in json.loads((folder / "tasks_train.json").read_text()):
            place = unquote(task["data"]["image"].removeprefix("/data/local-files/?d="))
            assert (folder / place).is_file()
            (prediction,) = task["predictions"]
            with Image.open(folder / place) as image:
                width, height = image.size
            mask = np.zeros((height, width), np.uint8)
            for result in prediction["result"]:
                assert (result["original_width"], result["original_height"]) == (width, height)
                assert (result["from_name"], result["to_name"]) == ("label", "image")
                (name,) = result["value"][result["type"]]
                region = self.region(result["value"], height, width)
                assert not mask[region].any()
                mask[region] = CLASSES.index(name) + 1
            masks[Path(place).stem] = mask
        return masks

    def region(self, value: dict[str, list[int]], height: int, width: int) -> np.ndarray:
        channels = unpacked(value["rle"]).reshape(height, width, 4)
        assert (channels == channels[..., :1]).all()
        return channels[..., 0] == 255

    def test_predictions_are_scored(self, exported: Path) -> None:
        tasks = json.loads((exported / "tasks_train.json").read_text())
        for task in tasks:
            assert task["predictions"][0]["model_version"] == "powerful"
            # Classes have 0.8, 0.7 and 0.6; an image has the least of its tags, or 0.
            shown = dict(zip(task["data"]["classes"], task["data"]["confidence"], strict=True))
            least = min(shown.get(tag, 0.0) for tag in task["data"]["tags"])
            assert task["predictions"][0]["score"] == least
            for result in task["predictions"][0]["result"]:
                assert 0.5 < result["score"] < 0.9


class TestLabelStudioPolygons(TestLabelStudio):
    settings = ExportSettings(min_area=0, shapes="polygon")
    lost_start = "drawn again at the pixels' centers, polygons have a mean IoU of 1.0000; ignored"

    def region(self, value: dict[str, list[int]], height: int, width: int) -> np.ndarray:
        corners = np.array(value["points"]) * (width, height) / 100 - 0.5
        region = np.zeros((height, width), bool)
        region[polygon(corners[:, 1], corners[:, 0], region.shape)] = True
        return region


def unpacked(data: list[int]) -> np.ndarray:
    """The values of Label Studio's run lengths, read bit by bit."""
    bits = "".join(f"{number:08b}" for number in data)
    at = 0

    def read(count: int) -> int:
        nonlocal at
        at += count
        return int(bits[at - count : at], 2)

    total, value_bits = read(32), read(5) + 1
    sizes = [read(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < total:
        repeated = read(1)
        length = read(sizes[read(2)]) + 1
        values += (
            [read(value_bits)] * length if repeated else [read(value_bits) for _ in range(length)]
        )
    assert len(values) == total
    return np.array(values, np.uint8)


class TestCvat(ExportTests):
    kind = "cvat"
    keeps_ignore = False
    names_hold_ids = True
    lost_start = "every pixel of an object is kept; ignored pixels, "

    def rebuilt(self, folder: Path) -> Masks:
        root = ElementTree.parse(folder / "annotations.xml").getroot()
        assert root.findtext("version") == "1.1"
        labels = [label.findtext("name") for label in root.iter("label")]
        assert labels == list(CLASSES)
        masks = {}
        for number, image in enumerate(root.iter("image")):
            assert (image.get("id"), image.get("subset")) == (str(number), "train")
            with Image.open(folder / "images" / (image.get("name") or "")) as opened:
                assert (image.get("width"), image.get("height")) == tuple(map(str, opened.size))
                width, height = opened.size
            mask = np.zeros((height, width), np.uint8)
            for shape in image:
                region = self.region(shape, height, width)
                assert not mask[region].any()
                mask[region] = labels.index(shape.get("label")) + 1
            masks[Path(image.get("name") or "").stem] = mask
        return masks

    def region(self, shape: ElementTree.Element, height: int, width: int) -> np.ndarray:
        assert shape.tag == "mask"
        left, top, w, h = (int(shape.get(key) or "") for key in ("left", "top", "width", "height"))
        runs = [int(run) for run in (shape.get("rle") or "").split(", ")]
        flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        region = np.zeros((height, width), bool)
        region[top : top + h, left : left + w] = flat.reshape(h, w)
        return region


class TestCvatPolygons(TestCvat):
    settings = ExportSettings(min_area=0, shapes="polygon")
    lost_start = "drawn again at the pixels' centers, polygons have a mean IoU of 1.0000; ignored"

    def region(self, shape: ElementTree.Element, height: int, width: int) -> np.ndarray:
        assert shape.tag == "polygon"
        points = (shape.get("points") or "").split(";")
        corners = np.array([point.split(",") for point in points], float) - 0.5
        region = np.zeros((height, width), bool)
        region[polygon(corners[:, 1], corners[:, 0], region.shape)] = True
        return region


class TestWebdataset(ExportTests):
    kind = "webdataset"
    settings = ExportSettings(shard_images=3)

    def samples(self, folder: Path) -> list[dict[str, Any]]:
        shards = sorted(str(path) for path in folder.glob("train-*.tar"))
        assert [Path(shard).name for shard in shards] == [f"train-00000{n}.tar" for n in range(3)]
        return list(webdataset.WebDataset(shards, shardshuffle=False))

    def rebuilt(self, folder: Path) -> Masks:
        masks = {}
        for sample in self.samples(folder):
            with Image.open(io.BytesIO(sample["mask.png"])) as image:
                assert image.mode == "P"
                masks[sample["__key__"]] = np.array(image)
        return masks

    def test_images_are_the_same_bytes(self, exported: Path, table: Table) -> None:
        found = {sample["png"] for sample in self.samples(exported)}
        assert found == {row["image"]["bytes"] for row in table.rows(["image"])}

    def test_names_are_plain_and_different(self, exported: Path) -> None:
        keys = [sample["__key__"] for sample in self.samples(exported)]
        assert len({*keys}) == len(NAMES)
        assert all(id_prefix(key) for key in keys)

    def test_a_row_is_written_before_the_next_is_read(self, tmp_path: Path) -> None:
        def watched() -> Iterator[dict[str, object]]:
            for number, mask in enumerate(awkward_masks()):
                # Of each sample at least its head is there; tarfile writes without delay.
                sizes = sum(path.stat().st_size for path in tmp_path.glob(".out.*/*.tar"))
                assert (sizes > 0) == (number > 0)
                yield dataset_row(mask, f"{number}.png")

        write_rows(watched(), self.kind, tmp_path / "out", TABLE, lambda row: row["id"])

    def test_metadata_and_the_tree_is_a_source(self, exported: Path, table: Table) -> None:
        rows = {row["id"]: row for row in table.rows(["id", "tags", "height"])}
        for sample in self.samples(exported):
            read = json.loads(sample["json"])
            assert read["height"] == rows[read["id"]]["height"]
            assert read["tags"] == [CLASSES[tag - 1] for tag in rows[read["id"]]["tags"]]
        found = [file.tags for file in open_source(str(exported)).images() if not file.problem]
        assert sorted(found) == sorted(
            tuple(CLASSES[tag - 1] for tag in row["tags"]) for row in rows.values()
        )


def test_every_format_is_tested() -> None:
    assert {tested.kind for tested in ExportTests.__subclasses__()} == set(EXPORTERS)
