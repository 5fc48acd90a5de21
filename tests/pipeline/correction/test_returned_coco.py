"""COCO sets that come back from label tools: only a person's changes become ground truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as reference
from scipy.ndimage import binary_fill_holes
from skimage.measure import find_contours

from tag2mask.pipeline.correction.correct import Taken, take_corrections
from tag2mask.pipeline.correction.corrections import open_corrections
from tag2mask.pipeline.correction.review import write_review
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import IGNORE, decode_mask
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.correction.conftest import COUNT

Document = dict[str, Any]
FILE = "annotations/instances_train.json"


class Returned:
    """A review set, its document, and what becomes of it."""

    def __init__(self, dataset: str, folder: Path, shapes: str) -> None:
        self.dataset, self.folder = dataset, folder
        write_review(dataset, folder, COUNT, "coco", shapes)
        self.document: Document = json.loads((folder / FILE).read_text())

    @property
    def annotations(self) -> list[Document]:
        return self.document["annotations"]

    def take(self, **options: Any) -> Taken:
        (self.folder / FILE).write_text(json.dumps(self.document))
        return take_corrections(self.dataset, self.folder, **options)

    def taken(self) -> list[dict[str, Any]]:
        root = self.dataset.rpartition("/")[0]
        table = open_corrections(f"{root}/corrections", Table.open(f"{root}/images"))
        return [] if table is None else list(table.rows())

    def published(self, image: Document) -> np.ndarray:
        table = Table.open(self.dataset)
        return next(
            decode_mask(row["mask"]["bytes"])
            for row in table.rows(["id", "mask"])
            if row["id"] == image["sha256"]
        )

    def image(self, annotation: Document) -> Document:
        return next(one for one in self.document["images"] if one["id"] == annotation["image_id"])


@pytest.fixture(params=["polygon", "rle"])
def returned(dataset: str, tmp_path: Path, request: pytest.FixtureRequest) -> Returned:
    return Returned(dataset, tmp_path / "review", request.param)


def pixels(returned: Returned, annotation: Document) -> np.ndarray:
    image = returned.image(annotation)
    segmentation = annotation["segmentation"]
    if isinstance(segmentation, list):
        runs = reference.frPyObjects(segmentation, image["height"], image["width"])
        segmentation = reference.merge(runs)
    elif isinstance(segmentation["counts"], list):
        segmentation = reference.frPyObjects(segmentation, image["height"], image["width"])
    return reference.decode(segmentation).astype(bool)


def run_lengths(region: np.ndarray) -> Document:
    encoded = reference.encode(np.asfortranarray(region.astype(np.uint8)))
    return {"size": list(region.shape), "counts": encoded["counts"].decode()}


def painted_with_a_brush(returned: Returned) -> None:
    """CVAT writes every brush mask as run lengths with iscrowd 1, without our attributes."""
    for annotation in returned.annotations:
        annotation["segmentation"] = run_lengths(pixels(returned, annotation))
        annotation["iscrowd"] = 1
        annotation.pop("confidence", None)
        annotation.pop("score", None)
        annotation.pop("attributes", None)


def test_an_untouched_set_painted_with_a_brush_is_unchanged(returned: Returned) -> None:
    painted_with_a_brush(returned)
    taken = returned.take(confirm=True)
    assert (taken.corrected, taken.confirmed) == (0, COUNT)
    for row in returned.taken():
        mask = decode_mask(row["mask"]["bytes"])
        assert row["classes"]
        assert (mask == IGNORE).any()


def test_marks_of_crowds_that_were_dropped_change_nothing(returned: Returned) -> None:
    for annotation in returned.annotations:
        annotation.pop("iscrowd")
        annotation["segmentation"] = run_lengths(pixels(returned, annotation))
    assert returned.take().unchanged == COUNT


def test_an_edited_brush_mask_keeps_its_category(returned: Returned) -> None:
    painted_with_a_brush(returned)
    sizes = {id(one): pixels(returned, one).sum() for one in returned.annotations}
    edited = max(returned.annotations, key=lambda one: sizes[id(one)])
    region = pixels(returned, edited)
    region[-4:, -6:] = True
    edited["segmentation"] = run_lengths(region)
    taken = returned.take()
    assert (taken.corrected, taken.unchanged) == (1, COUNT - 1)
    (row,) = returned.taken()
    mask = decode_mask(row["mask"]["bytes"])
    expected = returned.published(returned.image(edited))
    expected[-4:, -6:] = edited["category_id"]
    np.testing.assert_array_equal(mask, expected)


def test_an_edited_ignored_region_is_asked_about(returned: Returned) -> None:
    painted_with_a_brush(returned)
    image = returned.document["images"][0]
    ignored = returned.published(image) == IGNORE
    crowd = next(
        one
        for one in returned.annotations
        if one["image_id"] == image["id"] and ignored[pixels(returned, one)].all()
    )
    smaller = pixels(returned, crowd)
    smaller[np.nonzero(smaller)[0].min()] = False
    crowd["segmentation"] = run_lengths(smaller)
    with pytest.raises(UserError, match=r"^1 crowd regions .* mostly on ignored .*--crowd class"):
        returned.take()
    assert not returned.taken()
    assert returned.take(crowds="ignore").corrected == 1
    (row,) = returned.taken()
    np.testing.assert_array_equal(decode_mask(row["mask"]["bytes"]) == IGNORE, smaller)


def test_an_unknown_meaning_of_crowds(returned: Returned) -> None:
    with pytest.raises(UserError, match=r"unknown meaning 'both' .* choose one of class, ignore"):
        returned.take(crowds="both")


def outlined(returned: Returned, shift: float = 0.0) -> None:
    """A client redraws every region as the outlines of its pixels, at their centers."""
    for annotation in returned.annotations:
        # Holes are lost, as in most clients.
        padded = np.pad(binary_fill_holes(pixels(returned, annotation)), 1).astype(float)
        contours = find_contours(padded, 0.5)
        polygons = [(contour[:, ::-1] - 1 + 0.5 + shift).ravel().tolist() for contour in contours]
        annotation["segmentation"] = polygons
        annotation["iscrowd"] = 0


@pytest.mark.parametrize("shift", [0.0, 0.4, -0.5])
def test_polygons_of_an_untouched_set_are_unchanged(returned: Returned, shift: float) -> None:
    outlined(returned, shift)
    taken = returned.take()
    assert (taken.corrected, taken.unchanged) == (0, COUNT)
    assert returned.take(confirm=True).confirmed == COUNT
    for row in returned.taken():
        image = next(one for one in returned.document["images"] if one["sha256"] == row["id"])
        np.testing.assert_array_equal(decode_mask(row["mask"]["bytes"]), returned.published(image))


def test_borders_that_polygons_moved_are_counted(returned: Returned) -> None:
    outlined(returned, 0.4)
    taken = returned.take()
    assert taken.redrawn > 0
    assert f"{taken.redrawn} of these came back as polygons" in taken.sentence()


def test_an_object_that_was_drawn_among_polygons_is_a_correction(returned: Returned) -> None:
    outlined(returned)
    image = returned.document["images"][0]
    corners = [50.0, 36.0, 62.0, 36.0, 62.0, 46.0, 50.0, 46.0]
    returned.annotations.append(
        {"id": 999, "image_id": image["id"], "category_id": 3, "segmentation": [corners]}
    )
    assert returned.take().corrected == 1
    assert returned.taken()[0]["id"] == image["sha256"]


def without_annotations(document: Document) -> None:
    first = document["images"][0]["id"]
    document["annotations"] = [one for one in document["annotations"] if one["image_id"] != first]


def test_an_image_without_annotations_is_asked_about(returned: Returned) -> None:
    without_annotations(returned.document)
    with pytest.raises(UserError, match=r"1 of 6 masks .* show no class.*--allow-empty") as caught:
        returned.take()
    name = Path(returned.document["images"][0]["file_name"]).stem
    assert name in str(caught.value)
    with pytest.raises(UserError, match="show no class"):
        returned.take(confirm=True)
    assert not returned.taken()
    assert returned.take(allow_empty=True).corrected == 1
    assert returned.taken()[0]["classes"] == []


def first_polygon(document: Document, *numbers: float) -> None:
    document["annotations"][0]["segmentation"] = [[1, 1, *numbers, 9, 9]]


def box_alone(document: Document) -> None:
    document["annotations"][0]["segmentation"] = []


def unknown_image(document: Document) -> None:
    document["annotations"][0]["image_id"] = 77_777


def same_id(document: Document) -> None:
    document["images"][1]["id"] = document["images"][0]["id"]


def no_pixel(document: Document) -> None:
    document["annotations"][0]["segmentation"] = {"size": [48, 64], "counts": [48 * 64]}


FAULTS: dict[str, tuple[Callable[[Document], None], str]] = {
    "a box alone": (box_alone, "annotation 1 of .*no region"),
    "no segmentation": (lambda d: d["annotations"][0].pop("segmentation"), "has no region"),
    "an unknown image": (unknown_image, "1 annotations of .*annotation 1, image_id 77777"),
    "not a number": (lambda d: first_polygon(d, float("nan"), 3), "the coordinate nan"),
    "endless": (lambda d: first_polygon(d, float("inf"), 3), "the coordinate inf"),
    "far away": (lambda d: first_polygon(d, 1e30, 3), r"corner \(1e\+30, 3\), far outside"),
    "a text": (lambda d: first_polygon(d, "x", 3), "'x', which is no number"),  # type: ignore[arg-type]
    "outside": (
        lambda d: d["annotations"][0].update(segmentation=[[70, 3, 90, 3, 90, 30]]),
        "outside of its image",
    ),
    "no pixel": (no_pixel, "covers no pixel"),
    "two images with one id": (same_id, "two images of .* have the id 1: .* and "),
    "no size": (lambda d: d["images"][0].pop("width"), r"entry number 1 \(.*\) of 'images', width"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_mask_is_refused(returned: Returned, fault: str) -> None:
    spoil, sentence = FAULTS[fault]
    name = returned.document["images"][0]["file_name"]
    spoil(returned.document)
    with pytest.raises(UserError, match=sentence) as caught:
        returned.take(confirm=True, allow_empty=True)
    assert "instances_train.json" in str(caught.value)
    if "images" not in sentence and "annotations of" not in sentence:
        assert name in str(caught.value)
    assert "_" not in str(caught.value).replace("instances_", "").replace("image_id", "").replace(
        str(returned.folder), ""
    )
    assert not returned.taken()


def test_masks_of_two_layouts_are_refused(returned: Returned) -> None:
    (returned.folder / "SegmentationClass").mkdir()
    with pytest.raises(UserError, match="masks of two layouts"):
        returned.take()


def test_sets_without_ignored_regions_keep_the_ignored_pixels(returned: Returned) -> None:
    published = {one["id"]: returned.published(one) for one in returned.document["images"]}
    returned.document["annotations"] = [
        one
        for one in returned.annotations
        if not (published[one["image_id"]] == IGNORE)[pixels(returned, one)].all()
    ]
    taken = returned.take()
    assert (taken.corrected, taken.unchanged, taken.restored) == (0, COUNT, COUNT)


@pytest.mark.parametrize("name", ["result.json", "_annotations.coco.json"])
def test_documents_of_other_tools(returned: Returned, name: str) -> None:
    returned.take()
    (returned.folder / FILE).rename(returned.folder / name)
    assert take_corrections(returned.dataset, returned.folder).unchanged == COUNT
