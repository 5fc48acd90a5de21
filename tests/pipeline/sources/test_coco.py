"""COCO trees: tags from the categories of instances, splits by file, nothing else read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources import open_source
from tests.pipeline.sources.base_source import FileSourceTests, Tagged, by_name, listed, put

CATEGORIES = {"cat": 17, "dog": 18, "person": 1}


def instances(images: Tagged) -> dict[str, Any]:
    """A list of instances, each category of an image twice, as several objects are."""
    return {
        "info": {"year": 2017},
        "licenses": [],
        "annotations": [
            {
                "id": 100 * image + n,
                "image_id": image,
                "category_id": CATEGORIES[tag],
                "iscrowd": 0,
                "area": 6,
                "bbox": [0, 0, 2, 3],
                "segmentation": [[0, 0, 2, 0, 2, 3]],
            }
            for image, tags in enumerate(images.values())
            for n, tag in enumerate([*tags, *tags])
        ],
        "images": [{"id": image, "file_name": name} for image, name in enumerate(images)],
        "categories": [{"id": number, "name": name} for name, number in CATEGORIES.items()],
    }


class TestCoco(FileSourceTests):
    kind = "coco"

    def lay_out(self, folder: str, images: Tagged) -> None:
        for name in images:
            put(folder, f"train2017/{name}", name.encode())
        text = json.dumps(instances(images)).encode()
        put(folder, "annotations/instances_train2017.json", text)
        put(folder, "annotations/captions_train2017.json", b"{}")
        put(folder, "stuffthingmaps/train2017/a.png", b"a mask")

    def test_each_list_is_a_split_with_its_own_folder(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        put(folder, "images/val2017/d.jpg", b"d.jpg")
        text = json.dumps(instances({"d.jpg": ()})).encode()
        put(folder, "annotations/instances_val2017.json", text)
        found = listed(open_source(folder))
        assert found["train2017/a.jpg"].split == "train"
        assert found["images/val2017/d.jpg"].split == "val"
        assert found["images/val2017/d.jpg"].tags == ()

    def test_a_image_that_is_not_there_says_where_it_was_looked_for(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        text = json.dumps(instances({"gone.jpg": ("cat",)})).encode()
        put(folder, "annotations/instances_train2017.json", text)
        [file] = open_source(folder).images()
        assert (file.problem or "").startswith(
            "no such file (looked in train2017/, images/train2017/"
        )

    @pytest.mark.parametrize("part", ["images", "categories"])
    def test_two_entries_with_one_id_are_refused(self, folder: str, part: str) -> None:
        self.lay_out(folder, self.images)
        document = instances(self.images)
        document[part][1]["id"] = document[part][0]["id"]
        put(folder, "annotations/instances_train2017.json", json.dumps(document).encode())
        with pytest.raises(UserError, match=f"two {part} of .* have the id (0|17): .* and "):
            list(open_source(folder).images())

    def test_the_same_entry_twice_is_one(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        document = instances(self.images)
        document["images"].append(document["images"][0])
        put(folder, "annotations/instances_train2017.json", json.dumps(document).encode())
        assert by_name(open_source(folder)) == self.images

    def test_annotations_of_images_that_are_not_listed_are_a_problem(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        document = instances(self.images)
        document["annotations"][0]["image_id"] = 99
        put(folder, "annotations/instances_train2017.json", json.dumps(document).encode())
        found = listed(open_source(folder))
        lost = found["annotations/instances_train2017.json"]
        assert "1 images with annotations are not in its list" in (lost.problem or "")
        assert lost.split == "train"
        assert len(found) == len(self.images) + 1

    def test_tags_are_those_that_pycocotools_finds(self, tmp_path: Path) -> None:
        self.lay_out(str(tmp_path), self.images)
        reader = pytest.importorskip("pycocotools.coco")
        coco = reader.COCO(str(tmp_path / "annotations" / "instances_train2017.json"))
        expected = {
            image["file_name"]: tuple(
                sorted(
                    {
                        coco.cats[annotation["category_id"]]["name"]
                        for annotation in coco.imgToAnns[image["id"]]
                    }
                )
            )
            for image in coco.dataset["images"]
        }
        assert by_name(open_source(str(tmp_path))) == expected

    @pytest.mark.parametrize(
        ("text", "cause"),
        [
            ("{", "the file ends too early"),
            ('{"images": [{"id": 1}]}', "no 'file_name'"),
            ('{"images": [1]}', ".*not subscriptable"),
            ('{"images": [{"id": 1, "file_name": "a"}, ]}', "Expecting value"),
            (
                '{"images": [{"id": 1, "file_name": "a"}],'
                '"annotations": [{"image_id": 1, "category_id": 5}]}',
                "no 5",
            ),
            ("[]", "'\\[' instead of '{'"),
        ],
    )
    def test_a_list_at_fault_is_one_sentence(self, folder: str, text: str, cause: str) -> None:
        put(folder, "annotations/instances_train.json", text.encode())
        with pytest.raises(UserError, match=rf"instances_train\.json of .* \({cause}"):
            list(open_source(folder).images())
