"""The published dataset: readers get exactly the masks of the last round."""

import hashlib
import io
import json
from pathlib import Path

import datasets
import numpy as np
import pytest
import yaml
from PIL import Image

from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import decode_mask, palette
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.published import publish_toys
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import (
    CLASSES,
    SilentReporter,
    images_table,
    labels,
    round_row,
    round_table,
    tiny_recipe,
)


def publish(root, images, last):
    run = Run(str(root), tiny_recipe(), LocalEngine(1), SilentReporter())
    return release(run, images, last)


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Table:
    root = tmp_path_factory.mktemp("publish")
    images = images_table(root, 10)
    last = writer(root, "powerful", metadata=images.metadata)
    rows = [round_row(row) for row in images.rows()]
    # One mask was left out, one image failed.
    rows[3] |= {"kept": False, "reason": "area: too small"}
    rows[5] = {"id": rows[5]["id"], "error": "ValueError: broken"}
    last.stage(rows)
    return publish(root, images, last.commit())


@pytest.fixture(scope="module")
def loaded(published, tmp_path_factory):
    files = [f"{published.uri}/{part.path}" for part in published.manifest.parts]
    cache = tmp_path_factory.mktemp("cache")
    return datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(cache))


def test_kept_masks_alone_are_published(published):
    assert len(published) == 8
    assert len(set(published.ids())) == 8
    assert published.metadata["classes"] == list(CLASSES)


def test_hugging_face_reads_the_types_of_the_columns(loaded):
    features = loaded.features
    for name in ("image", "mask", "confidence_map"):
        assert isinstance(features[name], datasets.Image), name
    for name in ("tags", "classes"):
        assert features[name].feature.names == ["background", *CLASSES]


def test_images_and_masks_are_the_original_ones(loaded):
    assert len(loaded) == 8
    for row in loaded:
        assert row["mask"].mode == "P"
        assert bytes(row["mask"].getpalette("RGB"))[: 4 * 3] == palette()[: 4 * 3]
        assert row["image"].mode == "RGB"
        assert row["image"].size == row["mask"].size == (row["width"], row["height"])


def test_masks_are_equal_to_those_of_the_round(loaded, published):
    paths = {row["id"]: row["image"]["path"] for row in published.rows(["id", "image"])}
    for row in loaded:
        expected = labels(int(Path(paths[row["id"]]).stem), row["tags"])
        np.testing.assert_array_equal(np.array(row["mask"]), expected)
        assert row["classes"] == row["tags"]


def test_rows_carry_where_they_come_from(published):
    for row in published.rows():
        assert row["source"] == "toy"
        assert row["mask_confidence"] == pytest.approx(0.7)
        assert row["image"]["path"].endswith(".png")
        Image.open(io.BytesIO(row["image"]["bytes"])).verify()


def test_a_round_without_kept_masks_is_an_error(tmp_path):
    images = images_table(tmp_path, 4)
    last = round_table(tmp_path, images, "powerful", {"kept": False, "reason": "area: 1.0%"})
    with pytest.raises(UserError, match=r"'dataset'.*'powerful' kept none of 4.*'area: 1.0%'"):
        publish(tmp_path, images, last)
    assert not (tmp_path / "dataset").exists()


@pytest.fixture(scope="module")
def descended(tmp_path_factory):
    """A dataset whose every other mask has one of an earlier round."""
    return publish_toys(tmp_path_factory.mktemp("descended"), 20)


def test_masks_name_the_mask_that_they_follow(descended):
    earlier = Table.open(f"{descended.uri}/../rounds/enhanced")
    before = {row["id"]: row["mask"]["bytes"] for row in earlier.rows(["id", "mask"])}
    rows = list(descended.rows())
    assert {row["id"] for row in rows if row["previous_round"] is not None} == set(before)
    for row in rows:
        assert row["round"] == 1
        assert row["mask_sha256"] == hashlib.sha256(row["mask"]["bytes"]).hexdigest()
        if row["id"] not in before:
            assert row["previous_mask"] is row["agreement"] is None
            continue
        assert row["previous_round"] == 0
        assert row["previous_mask"] == hashlib.sha256(before[row["id"]]).hexdigest()
        # One row of pixels lower: h - 1 rows of h agree, h + 1 are in the union.
        mask = decode_mask(row["mask"]["bytes"])
        heights = [np.ptp(np.flatnonzero((mask == tag).any(axis=1))) + 1 for tag in row["tags"]]
        expected = np.mean([(height - 1) / (height + 1) for height in heights])
        assert row["agreement"] == pytest.approx(expected, rel=1e-5)


def test_numbers_describe_the_mask(descended):
    for row in descended.rows():
        mask = decode_mask(row["mask"]["bytes"])
        assert row["ignored"] == (mask == 255).mean() == 0
        assert ("uncertain" in row["flags"]) == (row["object_confidence"] < 0.5)
        assert row["object_confidence"] == min(row["class_confidence"])
        assert len(row["class_confidence"]) == len(row["tags"])


def test_the_dataset_says_what_it_is(descended):
    metadata = json.loads(descended.schema.metadata[b"tag2mask"])
    assert metadata["colors"] == {
        "background": "#000000",
        "cat": "#800000",
        "dog": "#008000",
        "bird": "#808000",
    }
    assert [(entry["name"], entry["masks"]) for entry in metadata["rounds"]] == [
        ("enhanced", 10),
        ("powerful", 20),
    ]
    assert metadata["split"] == "train"


def test_the_split_names_the_files(tmp_path):
    table = publish_toys(tmp_path, 6, "split=dev+extra", "publish.license=cc-by-4.0")
    assert all(part.path.startswith("data/dev_extra-0000") for part in table.manifest.parts)
    head = yaml.safe_load(Path(table.uri, "README.md").read_text().split("---\n")[1])
    assert head["license"] == "cc-by-4.0"
    assert head["configs"][0]["data_files"][0]["split"] == "dev_extra"


def test_publishing_again_changes_no_byte(tmp_path):
    def files(table):
        root = Path(table.uri)
        return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}

    first = publish_toys(tmp_path / "first", 8)
    second = publish_toys(tmp_path / "second", 8)
    assert files(first) == files(second)
