"""Scans: their rows, joined tables and units."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from tag2mask.pipeline.records import Row, shard_of
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.small_tables import SHARDS, image_rows, images_table, writer

COUNT = 250


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def images(root: Path) -> Table:
    return images_table(root, COUNT)


@pytest.fixture(scope="module")
def seed(root: Path, images: Table) -> Table:
    """Masks of the rows whose first tag is not 3; every fifth of them is not kept."""
    target = writer(root, "seed")
    target.stage(
        [
            {
                "id": row["id"],
                "mask": {"bytes": row["id"].encode(), "path": None},
                "kept": n % 5 > 0,
            }
            for n, row in enumerate(image_rows(COUNT))
            if row["tags"] != [3]
        ]
    )
    return target.commit()


def test_a_scan_reads_every_row_once(images: Table) -> None:
    scan = Scan(images)
    rows = list(scan.rows())
    assert rows == list(images.rows())
    assert len(scan) == COUNT


def test_units_are_small_and_stay_inside_a_shard(images: Table) -> None:
    units = Scan(images).units()
    assert all(0 < len(unit.ids) <= 16 for unit in units)
    assert all(len({shard_of(row_id, SHARDS) for row_id in unit.ids}) == 1 for unit in units)
    assert sum(len(unit.ids) for unit in units) == COUNT
    whole = [len(unit.ids) for unit in Scan(images).units(rows=1000)]
    assert len(whole) < len(units)
    assert max(whole) < 128


def test_a_unit_reads_itself_on_another_machine(images: Table, seed: Table) -> None:
    for unit in Scan(images, {"seed": seed}).units()[::7]:
        copy = pickle.loads(pickle.dumps(unit))
        assert tuple(row["id"] for row in copy.read()) == unit.ids
        assert copy.read() == unit.read()
        assert [part.ids for part in unit.split()] == [(row_id,) for row_id in unit.ids]
        assert [row for part in unit.split() for row in part.read()] == unit.read()


def test_rows_are_joined_by_id(images: Table, seed: Table) -> None:
    masks = {row["id"]: row for row in seed.rows()}
    rows = list(Scan(images, {"seed": seed, "again": seed}).rows())
    assert len(rows) == COUNT
    assert {row["id"] for row in rows if row["seed"] is None} == set(images.ids()) - set(masks)
    assert all(row["seed"] == masks.get(row["id"]) == row["again"] for row in rows)


def test_only_what_was_asked_for_is_read(images: Table, seed: Table) -> None:
    scan = Scan(images, {"seed": seed}, columns=["tags", "seed.mask"])
    rows = list(scan.rows())
    assert all(row.keys() == {"id", "tags", "seed"} for row in rows)
    assert {tuple(row["seed"]) for row in rows if row["seed"]} == {("id", "mask")}
    assert all(row.keys() == {"id"} for row in Scan(images, columns=[]).rows())


def test_wanted_ids_and_done_ids(images: Table) -> None:
    wanted = frozenset(images.ids()[::3])
    scan = Scan(images, ids=wanted)
    assert {row["id"] for row in scan.rows()} == wanted == set(scan.wanted_ids())
    assert len(scan) == len(wanted)
    done = set(sorted(wanted)[:40])
    left = [row_id for unit in scan.units(done) for row_id in unit.ids]
    assert sorted(left) == sorted(wanted - done)
    assert Scan(images).units(set(images.ids())) == []


def test_conditions_see_small_columns_of_both_sides(images: Table, seed: Table) -> None:
    seen: list[Row] = []

    def wanted(row: Row) -> bool:
        seen.append(row)
        return row["tags"] == [1] and row["seed"]["kept"]

    scan = Scan(images, {"seed": seed}).where(wanted, ["tags", "seed.kept"])
    expected = {
        row["id"] for n, row in enumerate(image_rows(COUNT)) if row["tags"] == [1] and n % 5
    }
    assert {row["id"] for row in scan.rows()} == expected
    assert all(row.keys() == {"id", "tags", "seed"} for row in seen)
    assert all("image" in row for row in scan.rows())
    narrower = scan.where(lambda row: row["width"] < 100, ["width"])
    assert set(narrower.wanted_ids()) < expected


def test_a_scan_of_nothing(images: Table, tmp_path: Path) -> None:
    assert Scan(images, ids=frozenset()).units() == []
    empty = writer(tmp_path, "empty").commit()
    assert Scan(empty).units() == []
    assert [row["empty"] for row in Scan(images, {"empty": empty}).rows()] == [None] * COUNT


def test_tables_of_other_runs_and_wrong_names_are_refused(
    images: Table, seed: Table, tmp_path: Path
) -> None:
    other = writer(tmp_path, "other", shards=SHARDS + 1).commit()
    with pytest.raises(ValueError, match="cannot be joined"):
        Scan(images, {"other": other})
    with pytest.raises(ValueError, match="already"):
        Scan(images, {"tags": seed})
    with pytest.raises(ValueError, match=r"seed\.maks"):
        Scan(images, {"seed": seed}, columns=["seed.maks"])
