"""Edited masks: what label tools write is read as what their users saw."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as reference

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.formats.importers import EDITED, open_edited
from tag2mask.pipeline.formats.labelmap import labelmap
from tag2mask.pipeline.records import IGNORE, ClassTable, encode_mask, palette
from tests.pipeline.formats.masks import awkward_masks
from tests.pipeline.toys import CLASSES

TABLE = ClassTable(names=CLASSES)
TRIANGLE = [1, 1, 2, 2, 3, 3]


def some_mask() -> np.ndarray:
    mask = np.zeros((12, 16), np.uint8)
    mask[2:9, 3:10] = 2
    mask[5:7, 5:7] = 1
    mask[10:, :] = IGNORE
    return mask


def voc(folder: Path, labels: str | None = None) -> Path:
    (folder / "SegmentationClass").mkdir()
    if labels is not None:
        (folder / "labelmap.txt").write_text(labels)
    return folder / "SegmentationClass" / "a.png"


def the_mask(folder: Path, published: np.ndarray | None = None) -> np.ndarray:
    (edited,) = open_edited(folder, TABLE).masks(
        lambda name: [] if published is None else [published]
    )
    assert edited.name == "a"
    return edited.mask


class TestVoc:
    @pytest.mark.parametrize("mask", awkward_masks())
    def test_palette_pngs_as_they_were_written(self, tmp_path, mask):
        voc(tmp_path, labelmap(TABLE)).write_bytes(encode_mask(mask))
        np.testing.assert_array_equal(the_mask(tmp_path), mask)

    def test_colors_instead_of_a_palette(self, tmp_path):
        colors = np.frombuffer(palette(), np.uint8).reshape(256, 3)
        Image.fromarray(colors[some_mask()]).save(voc(tmp_path, labelmap(TABLE)))
        np.testing.assert_array_equal(the_mask(tmp_path), some_mask())

    def test_a_palette_in_another_order(self, tmp_path):
        """A tool numbers the colors as it likes: what its user saw counts."""
        colors = np.frombuffer(palette(), np.uint8).reshape(256, 3)
        image = Image.fromarray(np.array([3, 7, 5, 0], np.uint8)[np.clip(some_mask(), 0, 3)])
        image.putpalette(np.zeros((8, 3), np.uint8).tobytes())
        table = np.zeros((8, 3), np.uint8)
        table[[3, 7, 5, 0]] = colors[[0, 1, 2, IGNORE]]
        image.putpalette(table.tobytes())
        image.save(voc(tmp_path))
        np.testing.assert_array_equal(the_mask(tmp_path), some_mask())

    def test_the_label_map_of_a_tool_with_its_own_colors(self, tmp_path):
        labels = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:250,50,55::\n"
        pixels = np.zeros((4, 5, 3), np.uint8)
        pixels[1, 1:4] = (250, 50, 55)
        Image.fromarray(pixels).save(voc(tmp_path, labels))
        np.testing.assert_array_equal(the_mask(tmp_path), (pixels[..., 0] > 0).astype(np.uint8))

    def test_gray_values_are_classes(self, tmp_path):
        Image.fromarray(some_mask()).save(voc(tmp_path))
        np.testing.assert_array_equal(the_mask(tmp_path), some_mask())

    @pytest.mark.parametrize(
        ("pixels", "sentence"),
        [
            (np.full((4, 4), 9, np.uint8), r"a\.png cannot be taken: its gray values \[9\]"),
            (np.full((4, 4, 3), 77, np.uint8), r"a\.png cannot be taken: its color \(77, 77, 77"),
            (np.full((4, 4), 300, np.uint16), r"a\.png cannot be taken: its pixels are neither"),
        ],
    )
    def test_what_is_no_class_is_refused(self, tmp_path, pixels, sentence):
        Image.fromarray(pixels).save(voc(tmp_path))
        with pytest.raises(UserError, match=sentence):
            the_mask(tmp_path)

    def test_a_palette_without_meaning_is_refused(self, tmp_path):
        image = Image.fromarray(some_mask())
        image.putpalette(np.repeat(np.arange(256, dtype=np.uint8), 3).tobytes())
        image.save(voc(tmp_path))
        with pytest.raises(UserError, match=r"color \([12], [12], [12]\) belongs to no class"):
            the_mask(tmp_path)

    def test_a_broken_file_is_named(self, tmp_path):
        voc(tmp_path).write_bytes(encode_mask(some_mask())[:60])
        with pytest.raises(UserError, match=r"a\.png cannot be taken"):
            the_mask(tmp_path)

    @pytest.mark.parametrize(
        ("labels", "sentence"),
        [
            ("cat:1,2::\n", "is not name:red,green,blue"),
            ("cat:1,2,3::\ndog:1,2,3::\n", r"have the color \(1, 2, 3\)"),
        ],
    )
    def test_a_damaged_label_map(self, tmp_path, labels, sentence):
        voc(tmp_path, labels).write_bytes(encode_mask(some_mask()))
        with pytest.raises(UserError, match=rf"labelmap\.txt cannot be used: .*{sentence}"):
            the_mask(tmp_path)


def coco(folder: Path, annotations: list[dict], **changes: object) -> Path:
    (folder / "annotations").mkdir(exist_ok=True)
    document = {
        "images": [{"id": 7, "file_name": "images/a.jpg", "height": 12, "width": 16}],
        # A tool's own order of the names, and one that is not used.
        "categories": [
            {"id": 4, "name": "cat"},
            {"id": 1, "name": "dog"},
            {"id": 9, "name": "something else"},
        ],
        "annotations": [{"id": 1, "image_id": 7, **annotation} for annotation in annotations],
    }
    file = folder / "annotations/instances_default.json"
    file.write_text(json.dumps({**document, **changes}))
    return folder


def runs(region: np.ndarray) -> dict[str, object]:
    encoded = reference.encode(np.asfortranarray(region.astype(np.uint8)))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}


class TestCoco:
    def test_regions_by_names_the_smaller_in_front(self, tmp_path):
        mask = some_mask()
        whole = (mask == 1) | (mask == 2)
        ignored = {"category_id": 1, "segmentation": runs(mask == IGNORE), "iscrowd": 1}
        inner = {"category_id": 4, "segmentation": runs(mask == 1), "iscrowd": 0}
        outer = {"category_id": 1, "segmentation": runs(whole)}
        coco(tmp_path, [ignored, inner, outer])
        np.testing.assert_array_equal(the_mask(tmp_path, mask), mask)

    def test_polygons_cover_the_pixels_whose_centers_they_hold(self, tmp_path):
        corners = [3, 2, 10, 2, 10, 9, 3, 9]
        coco(tmp_path, [{"category_id": 1, "segmentation": [corners]}])
        expected = np.zeros((12, 16), np.uint8)
        expected[2:9, 3:10] = 2
        np.testing.assert_array_equal(the_mask(tmp_path), expected)
        found = reference.decode(reference.merge(reference.frPyObjects([corners], 12, 16)))
        np.testing.assert_array_equal(found, expected > 0)

    def test_numbers_instead_of_packed_counts(self, tmp_path):
        segmentation = {"size": [12, 16], "counts": [0, 12, 180]}
        coco(tmp_path, [{"category_id": 4, "segmentation": segmentation}])
        assert (the_mask(tmp_path)[:, 0] == 1).all()
        assert the_mask(tmp_path).sum() == 12

    def test_an_image_without_annotations_is_background(self, tmp_path):
        assert not the_mask(coco(tmp_path, [])).any()

    @pytest.mark.parametrize(
        ("annotation", "sentence"),
        [
            (
                {"category_id": 9, "segmentation": [[1, 1, 2, 2, 3, 3]]},
                "'something else'.* no class",
            ),
            (
                {"category_id": 5, "segmentation": [[1, 1, 2, 2, 3, 3]]},
                "category 5, which the file does not list",
            ),
            ({"category_id": 1, "segmentation": [[1, 1, 2, 2]]}, "list of pairs of numbers"),
            (
                {"category_id": 1, "segmentation": {"size": [9, 9], "counts": [81]}},
                r"size \[9, 9\] in an image of \[12, 16\]",
            ),
            ({"category_id": 1, "segmentation": {"size": [12, 16], "counts": [3]}}, "do not fill"),
            (
                {"category_id": 1},
                r"a\.jpg in .*instances_default\.json has no region in its segmentation",
            ),
        ],
    )
    def test_damaged_annotations(self, tmp_path, annotation, sentence):
        coco(tmp_path, [annotation])
        with pytest.raises(UserError, match=sentence) as caught:
            the_mask(tmp_path)
        assert "instances_default.json" in str(caught.value)

    def test_no_json(self, tmp_path):
        coco(tmp_path, [])
        (tmp_path / "annotations/instances_default.json").write_text('{"images": [')
        with pytest.raises(UserError, match=r"instances_default\.json is no JSON"):
            the_mask(tmp_path)

    def test_two_documents(self, tmp_path):
        coco(tmp_path, [])
        (tmp_path / "annotations/instances_other.json").write_text("{}")
        with pytest.raises(UserError, match="2 files of instances"):
            the_mask(tmp_path)


def test_a_folder_of_another_layout(tmp_path):
    with pytest.raises(UserError, match="no edited masks: looked for") as caught:
        open_edited(tmp_path, TABLE)
    assert all(layout.looked_for in str(caught.value) for layout in EDITED.values())
    with pytest.raises(UserError, match="no folder"):
        open_edited(tmp_path / "absent", TABLE)
