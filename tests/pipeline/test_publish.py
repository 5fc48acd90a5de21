"""The published dataset: what others read is what the last round made."""

import io
from pathlib import Path

import datasets
import numpy as np
import pytest
from PIL import Image

from pipeline.engine.local import LocalEngine
from pipeline.errors import UserError
from pipeline.records import palette
from pipeline.run import Run
from pipeline.table import Table
from tests.pipeline.tables import writer
from tests.pipeline.toys import (
    CLASSES,
    SilentWatch,
    images_table,
    labels,
    round_row,
    round_table,
    tiny_recipe,
)


def publish(root, images, last):
    return Run(str(root), tiny_recipe(), LocalEngine(1), SilentWatch()).publish(images, last)


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Table:
    root = tmp_path_factory.mktemp("publish")
    images = images_table(root, 10)
    last = writer(root, "powerful", metadata=images.metadata)
    rows = [round_row(row) for row in images.rows()]
    # One mask was left out, one picture failed.
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


def test_hugging_face_knows_what_the_columns_are(loaded):
    features = loaded.features
    for name in ("image", "mask", "confidence_map"):
        assert isinstance(features[name], datasets.Image), name
    for name in ("tags", "classes"):
        assert features[name].feature.names == ["background", *CLASSES]


def test_pictures_and_masks_are_the_original_ones(loaded):
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


def test_nothing_to_publish_is_said(tmp_path):
    images = images_table(tmp_path, 4)
    last = round_table(tmp_path, images, "powerful", {"kept": False, "reason": "area: 1.0%"})
    with pytest.raises(UserError, match=r"'dataset'.*'powerful' kept none of 4.*'area: 1.0%'"):
        publish(tmp_path, images, last)
    assert not (tmp_path / "dataset").exists()
