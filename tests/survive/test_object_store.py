"""Runs whose source and target are on S3, and a store that is ill for a while."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import duckdb
import fsspec
import pyarrow.parquet as pq
import pytest

from tag2mask.pipeline.engine.base import StageSpec, build_table
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import StorageError, UserError
from tag2mask.pipeline.tables.lease import lease
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.engine import toys
from tests.pipeline.small_tables import expected_fingerprint, image_rows, images_table, writer
from tests.survive.conftest import Server
from tests.survive.steps import label, write_source

COUNT = 60
MASKS = {row["id"]: toys.mask_of(row["image"]["bytes"]) for row in image_rows(COUNT)}
STAGES = [StageSpec(toys.Reverse, {"seconds": 0.01})]


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_whole_run_makes_the_same_there(bucket: str, tmp_path: Path) -> None:
    write_source(f"{bucket}/pictures")
    write_source(f"{tmp_path}/pictures")
    there = label(f"{bucket}/pictures", f"{bucket}/run")
    assert there == label(f"{tmp_path}/pictures", f"{tmp_path}/run")
    storage, path = fsspec.core.url_to_fs(f"{bucket}/run")
    assert not [name for name in storage.find(path) if "/.staging/" in name]


def test_others_read_the_files_that_a_table_names(bucket: str, s3: Server) -> None:
    files = images_table(bucket, COUNT).files
    assert all(name.startswith("s3://") for name in files)
    storage = fsspec.filesystem("s3")
    assert sum(pq.read_table(name, filesystem=storage).num_rows for name in files) == COUNT
    with duckdb.connect() as connection:
        connection.register_filesystem(storage)
        rows = connection.execute("SELECT id FROM read_parquet(?)", [files]).fetchall()
    assert len(rows) == COUNT


def test_a_lease_on_s3_has_one_holder(bucket: str) -> None:
    folder = Folder(bucket)
    assert folder.create("file", b"mine")
    assert not folder.create("file", b"theirs")
    with lease(folder), pytest.raises(UserError, match="is being written to by process"):
        ExitStack().enter_context(lease(folder))
    assert list(folder.sizes()) == ["file"]


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_errors_that_pass_cost_nothing_but_time(bucket: str, s3: Server, workers: int) -> None:
    images = Scan(images_table(bucket, COUNT))
    s3.failures = 0
    counts: list[int] = []

    def progress(count: int) -> None:
        if count and not s3.failures:
            s3.fail_for(1.0)
            s3.failures = 1
        counts.append(count)

    table = build_table(LocalEngine(workers), images, STAGES, writer(bucket, "seed"), progress)
    assert s3.failures > 1
    assert sorted(table.ids()) == sorted(MASKS)
    assert table.fingerprint == expected_fingerprint(MASKS)
    assert counts[-1] == COUNT


def test_a_store_that_stays_ill_ends_the_run_in_a_sentence(
    bucket: str, s3: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = Scan(images_table(bucket, COUNT))
    target = writer(bucket, "seed")
    with monkeypatch.context() as patch:
        patch.setattr("tag2mask.pipeline.tables.retries._WAITS", (0.01, 0.01))
        with pytest.raises(StorageError, match=r"fails again and again .*finished work is kept"):
            build_table(
                LocalEngine(1), images, STAGES, target, lambda n: s3.fail_for(60 if n else 0)
            )
    s3.fail_for(0)
    assert 0 < target.staged_rows() < COUNT
    assert not Table.exists(target.uri, "key-of-seed")
    table = build_table(LocalEngine(1), images, STAGES, target, lambda n: None)
    assert table.fingerprint == expected_fingerprint(MASKS)
