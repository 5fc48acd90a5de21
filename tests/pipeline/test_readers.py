"""The published dataset in the tools that people have, none of which knows this project."""

import io
import json
import shutil
from pathlib import Path

import datasets
import duckdb
import mlcroissant
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tag2mask.pipeline.publication.croissant import CROISSANT
from tag2mask.pipeline.records import palette
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.published import publish_toys
from tests.pipeline.toys import CLASSES

COUNT = 30


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Table:
    return publish_toys(tmp_path_factory.mktemp("readers"), COUNT, "split=train")


@pytest.fixture(scope="module")
def rows(dataset) -> dict[str, dict]:
    return {row["id"]: row for row in dataset.rows()}


@pytest.fixture(scope="module")
def files(dataset) -> list[str]:
    return [f"{dataset.uri}/{part.path}" for part in dataset.manifest.parts]


def decoded(stored) -> np.ndarray:
    with Image.open(io.BytesIO(stored["bytes"])) as image:
        return np.array(image)


def equal_rows(found, rows):
    """Ids, tags, confidence, images and masks of dictionaries with encoded images."""
    found = list(found)
    assert sorted(row["id"] for row in found) == sorted(rows)
    for row in found:
        expected = rows[row["id"]]
        assert list(row["tags"]) == expected["tags"]
        assert row["mask_confidence"] == pytest.approx(expected["mask_confidence"])
        assert row["image"]["bytes"] == expected["image"]["bytes"]
        assert row["mask"]["bytes"] == expected["mask"]["bytes"]


def test_files_are_named_as_hugging_face_names_them(dataset):
    names = [part.path for part in dataset.manifest.parts]
    assert len(names) == 3
    for number, name in enumerate(names):
        assert name.startswith(f"data/train-{number:05d}-of-00003-")


def test_pyarrow(dataset, files, rows):
    equal_rows(pq.read_table(f"{dataset.uri}/data").to_pylist(), rows)
    scanned = pads.dataset(files).to_table(
        columns=["id"], filter=pads.field("mask_confidence") > 0.9
    )
    wanted = {row_id for row_id, row in rows.items() if row["mask_confidence"] > 0.9}
    assert set(scanned["id"].to_pylist()) == wanted


def test_pandas(dataset, rows):
    frame = pd.read_parquet(f"{dataset.uri}/data")
    equal_rows(frame.to_dict("records"), rows)
    assert frame["round"].unique().tolist() == [1]


def test_polars_reads_the_columns_that_are_asked_for(dataset, rows):
    lazy = pl.scan_parquet(f"{dataset.uri}/data/*.parquet")
    equal_rows(lazy.collect().to_dicts(), rows)
    dogs = lazy.filter(pl.col("tags").list.contains(2)).select("id").collect()
    assert set(dogs["id"]) == {row_id for row_id, row in rows.items() if 2 in row["tags"]}


def test_duckdb_answers_without_images(dataset, rows):
    sql = f"""
        SELECT id, tags, mask_confidence FROM '{dataset.uri}/data/*.parquet'
        WHERE list_contains(tags, 2) AND mask_confidence > 0.7
    """
    with duckdb.connect() as database:
        found = database.sql(sql).fetchall()
        plan = str(database.sql(f"EXPLAIN {sql}").fetchall())
        ((described,),) = database.sql(
            f"SELECT decode(value) FROM parquet_kv_metadata('{dataset.uri}/data/*.parquet') "
            "WHERE decode(key) = 'tag2mask' LIMIT 1"
        ).fetchall()
    wanted = {i for i, r in rows.items() if 2 in r["tags"] and r["mask_confidence"] > 0.701}
    assert {row[0] for row in found} == wanted
    assert "image" not in plan
    assert json.loads(described)["classes"] == list(CLASSES)


def test_the_query_of_the_card_runs(dataset, rows):
    card = Path(dataset.uri, "README.md").read_text()
    sql = card.split("```sql\n")[1].split("```")[0].replace("THIS/FOLDER", dataset.uri)
    with duckdb.connect() as database:
        found = {row_id for row_id, *_ in database.sql(sql).fetchall()}
    wanted = {
        row_id
        for row_id, row in rows.items()
        if row["object_confidence"] > 0.499
        and 1 in row["tags"]
        and row["class_confidence"][row["tags"].index(1)] > 0.699
    }
    assert found == wanted
    assert 0 < len(wanted) < len(rows)


def check_hugging_face(found, rows):
    """Rows with decoded images."""
    found = list(found)
    assert sorted(row["id"] for row in found) == sorted(rows)
    for row in found:
        expected = rows[row["id"]]
        assert row["mask"].mode == "P"
        assert bytes(row["mask"].getpalette("RGB"))[:12] == palette()[:12]
        np.testing.assert_array_equal(np.array(row["mask"]), decoded(expected["mask"]))
        np.testing.assert_array_equal(np.array(row["image"]), decoded(expected["image"]))
        assert row["tags"] == expected["tags"]


def check_features(features):
    for name in ("image", "mask", "confidence_map"):
        assert isinstance(features[name], datasets.Image), name
    for name in ("tags", "classes"):
        assert features[name].feature.names == ["background", *CLASSES]


def test_hugging_face_opens_the_folder(dataset, rows, tmp_path):
    loaded = datasets.load_dataset(dataset.uri, cache_dir=str(tmp_path))
    assert list(loaded) == ["train"]
    check_features(loaded["train"].features)
    check_hugging_face(loaded["train"], rows)


def test_hugging_face_streams_the_folder(dataset, rows, tmp_path):
    loaded = datasets.load_dataset(
        dataset.uri, split="train", streaming=True, cache_dir=str(tmp_path)
    )
    check_features(loaded.features)
    check_hugging_face(loaded, rows)


def test_the_names_alone_tell_the_split(dataset, rows, tmp_path):
    plain = tmp_path / "plain"
    (plain / "data").mkdir(parents=True)
    for part in dataset.manifest.parts:
        (plain / part.path).write_bytes(Path(dataset.uri, part.path).read_bytes())
    loaded = datasets.load_dataset(str(plain), cache_dir=str(tmp_path / "cache"))
    assert list(loaded) == ["train"]
    assert sorted(loaded["train"]["id"]) == sorted(rows)


def test_hugging_face_notices_missing_files(dataset, tmp_path):
    short = tmp_path / "short"
    shutil.copytree(dataset.uri, short)
    gone = dataset.manifest.parts[0].path
    (short / gone).unlink()
    with pytest.raises(FileNotFoundError, match=Path(gone).name):
        datasets.load_dataset(str(short), cache_dir=str(tmp_path / "cache"))


def test_croissant_is_valid_and_reads_the_rows(dataset, rows):
    described = mlcroissant.Dataset(f"{dataset.uri}/{CROISSANT}")
    assert not described.metadata.issues.errors
    found = list(described.records("train"))
    assert len(found) == COUNT
    for record in found:
        expected = rows[record["train/id"].decode()]
        np.testing.assert_array_equal(np.array(record["train/mask"]), decoded(expected["mask"]))
        assert list(record["train/tags"]) == expected["tags"]


@pytest.mark.slow
def test_ray_data(files, rows):
    import ray

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        equal_rows(ray.data.read_parquet(files).take_all(), rows)
    finally:
        ray.shutdown()
