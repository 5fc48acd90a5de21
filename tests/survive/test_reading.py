"""Readers that know nothing of manifests see a whole table or none, while it is replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.table import Table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

SIZES = (40, 70)
KILLS = 3

# Replaces a table by another and back, in many small parts, until it is killed.
REPLACING = """
import itertools, sys
from tag2mask.pipeline.records import IMAGES_SCHEMA
from tests.pipeline.small_tables import image_rows, writer

root, *sizes = sys.argv[1:]
rows = image_rows(max(map(int, sizes)))
for number, size in enumerate(itertools.cycle(map(int, sizes))):
    key = f"{size}-{number}"
    staging = f"{root}/.staging/{key}"
    target = writer(root, "table", IMAGES_SCHEMA, key=key, shards=16, staging=staging)
    target.stage(rows[:size])
    print("staged", flush=True)
    target.commit()
"""


def by_manifest(folder: Path) -> int:
    return len(Table.open(str(folder)).ids())


def by_pyarrow(folder: Path) -> int:
    return len(pyarrow.dataset.dataset(folder / "parts").to_table(columns=["id"]))


def by_duckdb(folder: Path) -> int:
    with duckdb.connect() as connection:
        files = connection.execute(f"SELECT id FROM '{folder}/**/*.parquet'")
        return len(files.fetchall())


def by_datasets(folder: Path) -> int:
    from datasets import load_dataset

    found = load_dataset(str(folder), split="train", streaming=True)
    return sum(1 for _ in found.select_columns(["id"]))


# A file that was listed and then is gone with its table: the reader asks again.
NOTHING_THERE = (UserError, FileNotFoundError, pa.ArrowInvalid, duckdb.Error, OSError)


@pytest.mark.filterwarnings("ignore")
def test_nobody_sees_half_a_table(tmp_path: Path) -> None:
    folder = tmp_path / "table"
    readers = (by_manifest, by_pyarrow, by_duckdb, by_datasets)
    seen = {reader.__name__: Counter[int]() for reader in readers}
    command = [sys.executable, "-c", REPLACING, str(tmp_path), *map(str, SIZES)]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            process.stdout.readline()
            for _ in range(10):
                for reader in readers:
                    try:
                        seen[reader.__name__][reader(folder)] += 1
                    except NOTHING_THERE:
                        seen[reader.__name__][-1] += 1
            process.send_signal(signal.SIGKILL)
        assert Table.open(str(folder)).manifest.rows in SIZES, "the kill left a whole table"
    print(seen)
    for name, counts in seen.items():
        assert set(counts) - {-1} == set(SIZES), f"{name} saw {dict(counts)}"
