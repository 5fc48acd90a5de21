"""Tables: committed files, byte for byte."""

from __future__ import annotations

import json
import os
import pickle
import random
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import IMAGES_SCHEMA, ROUND_SCHEMA, shard_of
from tag2mask.pipeline.tables.manifest import table_key
from tag2mask.pipeline.tables.storage import Folder
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.small_tables import (
    SHARDS,
    expected_fingerprint,
    files,
    image_rows,
    round_rows,
    stage_in_pieces,
    writer,
)


def test_a_committed_table_holds_its_rows_sorted_in_their_shards(root: str) -> None:
    rows = image_rows(50)
    target = writer(root, "images", IMAGES_SCHEMA)
    stage_in_pieces(target, rows)
    assert target.staged_rows() == 50
    table = target.commit()
    found = list(Table.open(f"{root}/images").rows())
    assert found == sorted(rows, key=lambda row: (shard_of(row["id"], SHARDS), row["id"]))
    assert table.ids() == [row["id"] for row in found]
    assert len(table) == 50
    for shard in range(SHARDS):
        ids = [row["id"] for row in table.rows(["id"], shards=[shard])]
        assert ids
        assert all(shard_of(row_id, SHARDS) == shard for row_id in ids)
    assert next(table.rows(["tags"])).keys() == {"tags"}
    table.verify()


def test_nothing_but_the_table_is_left(root: str) -> None:
    target = writer(root, "seed")
    target.stage(round_rows(9))
    manifest = target.commit().manifest
    assert set(files(f"{root}/seed")) == {"manifest.json", *(part.path for part in manifest.parts)}
    storage, path = fsspec.core.url_to_fs(f"{root}/.staging")
    assert storage.find(path) == []
    assert target.staged_rows() == 0
    assert target.staged_ids() == set()


def test_schema_metadata_and_types_survive(root: str) -> None:
    schema = ROUND_SCHEMA.with_metadata({b"huggingface": b"{}"})
    target = writer(root, "seed", schema)
    target.stage(round_rows(5))
    table = target.commit()
    assert table.schema.remove_metadata() == ROUND_SCHEMA
    assert table.schema.metadata[b"huggingface"] == b"{}"
    described = json.loads(table.schema.metadata[b"tag2mask"])
    assert described == {
        "classes": ["cat", "dog", "bird"],
        "kind": "seed",
        "key": "key-of-seed",
        "shards": SHARDS,
    }
    assert table.metadata == {"classes": ["cat", "dog", "bird"]}


def test_images_are_plain_and_statistics_scalar(tmp_path: Path) -> None:
    target = writer(tmp_path, "seed", shards=1)
    target.stage([{**row, "scores": [b"a"], "area": [0.5]} for row in round_rows(200)])
    part = pq.ParquetFile(tmp_path / "seed" / target.commit().manifest.parts[0].path)
    sizes = [part.metadata.row_group(i).num_rows for i in range(part.num_row_groups)]
    assert sizes == [66, 67, 67]  # never a small rest
    group = part.metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    for name in ("mask.bytes", "scores.list.element"):
        assert columns[name].compression == "UNCOMPRESSED"
        assert columns[name].statistics is None
        assert not columns[name].has_dictionary_page
    assert columns["area.list.element"].statistics is None
    assert columns["id"].compression == "ZSTD"
    assert columns["id"].statistics.has_min_max
    assert columns["id"].has_column_index


def test_parts_are_named_as_the_table_says(root: str) -> None:
    target = writer(root, "seed", part_name="data/train-{number:05d}-of-{count:05d}")
    target.stage(round_rows(30))
    parts = target.commit().manifest.parts
    assert [part.path[: len("data/train-00000-of-00003-")] for part in parts] == [
        f"data/train-0000{number}-of-00003-" for number in range(SHARDS)
    ]
    assert set(Folder(f"{root}/seed/data").sizes()) == {part.path[5:] for part in parts}
    assert len(list(Table.open(f"{root}/seed").rows())) == 30


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    rows = round_rows(80)
    first = writer(tmp_path / "first", "seed")
    stage_in_pieces(first, rows, size=7)
    first.commit()
    random.Random(0).shuffle(rows)
    second = writer(tmp_path / "second", "seed")
    stage_in_pieces(second, rows, size=23)
    second.commit()
    assert files(f"{tmp_path}/first/seed") == files(f"{tmp_path}/second/seed")


def test_the_fingerprint_is_the_masks_whatever_the_shards(tmp_path: Path) -> None:
    rows = round_rows(40)
    rows[3]["mask"] = None
    expected = expected_fingerprint({r["id"]: r["mask"] and r["mask"]["bytes"] for r in rows})
    for shards in (1, 2, 7):
        target = writer(tmp_path, f"seed{shards}", shards=shards)
        target.stage(rows)
        assert target.commit().fingerprint == expected
    rows[5]["mask"] = {"bytes": b"another", "path": None}
    target = writer(tmp_path, "changed")
    target.stage(rows)
    assert target.commit().fingerprint != expected


def test_without_masks_the_fingerprint_is_the_tags(tmp_path: Path) -> None:
    def fingerprint(name: str, **changes: Any) -> str:
        target = writer(tmp_path, name, IMAGES_SCHEMA)
        rows = image_rows(10)
        rows[0].update(changes)
        target.stage(rows)
        return target.commit().fingerprint

    assert fingerprint("a") == fingerprint("b", width=99)
    assert fingerprint("a") != fingerprint("c", tags=[1, 2])


def test_work_that_was_done_twice_counts_once(root: str) -> None:
    target = writer(root, "seed")
    rows = round_rows(20)
    for _ in range(2):
        target.stage(rows[:10])
    target.stage(rows[5:])
    assert target.staged_ids() == {row["id"] for row in rows}
    assert sorted(target.commit().ids()) == sorted(row["id"] for row in rows)


@pytest.mark.parametrize("turn", [1, -1])
def test_a_second_try_that_succeeded_replaces_an_error(tmp_path: Path, turn: int) -> None:
    good = round_rows(1)
    bad = [{"id": good[0]["id"], "error": "MemoryError"}]
    target = writer(tmp_path, "seed")
    for rows in (good, bad)[::turn]:
        target.stage(rows)
    row = next(target.commit().rows())
    assert (row["error"], row["mask"]) == (None, good[0]["mask"])


def test_staging_cuts_rows_down_to_the_schema(tmp_path: Path) -> None:
    target = writer(tmp_path, "seed")
    target.stage([{**image_rows(1)[0], "kept": True, "seed": {"mask": None}}])
    row = next(target.commit().rows())
    assert list(row) == ROUND_SCHEMA.names
    assert row["kept"] is True
    assert row["mask"] is None


def test_rows_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    target = writer(tmp_path, "seed")
    with pytest.raises(ValueError, match="no id"):
        target.stage([{"kept": True}])
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError)):
        target.stage([{**round_rows(1)[0], "kept": "perhaps"}])
    assert target.staged_rows() == 0


def test_an_empty_table_has_a_schema(root: str) -> None:
    table = writer(root, "seed").commit()
    assert (len(table), table.ids(), list(table.rows())) == (0, [], [])
    assert table.schema.names == ROUND_SCHEMA.names
    assert table.fingerprint == expected_fingerprint({})


def test_staging_inside_the_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="outside"):
        writer(tmp_path, "seed", staging=f"{tmp_path}/seed/.staging")


def test_a_writer_travels_to_workers(root: str) -> None:
    target = pickle.loads(pickle.dumps(writer(root, "seed")))
    target.stage(round_rows(3))
    assert writer(root, "seed").staged_rows() == 3


def test_a_table_is_done_when_it_exists_with_its_key(root: str) -> None:
    assert not Table.exists(f"{root}/seed", "key-of-seed")
    target = writer(root, "seed")
    target.stage(round_rows(3))
    assert not Table.exists(f"{root}/seed", "key-of-seed")
    target.commit()
    assert Table.exists(f"{root}/seed", "key-of-seed")
    assert not Table.exists(f"{root}/seed", "another")


def test_committing_again_changes_nothing(root: str) -> None:
    target = writer(root, "seed")
    target.stage(round_rows(9))
    target.commit()
    before = files(f"{root}/seed")
    assert len(target.commit()) == 9
    assert files(f"{root}/seed") == before


def test_another_key_replaces_the_table_at_the_commit(root: str) -> None:
    old = writer(root, "seed")
    old.stage(round_rows(30))
    old.commit()
    new = writer(root, "seed", key="new", staging=f"{root}/.staging/new")
    new.stage(round_rows(20, b"new "))
    assert len(Table.open(f"{root}/seed")) == 30
    table = new.commit()
    assert (table.manifest.key, len(table)) == ("new", 20)
    assert set(files(f"{root}/seed")) == {"manifest.json", *(p.path for p in table.manifest.parts)}


def test_the_key_depends_on_its_inputs_only() -> None:
    key = table_key(recipe={"a": 1, "b": [2.5]}, images="f", shards=4)
    assert key == table_key(shards=4, images="f", recipe={"b": [2.5], "a": 1})
    assert len(key) == 64
    assert key != table_key(recipe={"a": 1, "b": [2.5]}, images="f", shards=5)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda table: (table / "manifest.json").unlink(), "no table at"),
        (lambda table: (table / "manifest.json").write_text("{"), "damaged"),
        (lambda table: (table / "manifest.json").write_text('{"kind": 1}'), "damaged"),
        (lambda table: next((table / "parts").iterdir()).unlink(), "is missing"),
        (lambda table: os.truncate(next((table / "parts").iterdir()), 10), "is cut short"),
    ],
)
def test_the_error_of_a_damaged_table_names_it(tmp_path: Path, damage: Any, sentence: str) -> None:
    target = writer(tmp_path, "seed")
    target.stage(round_rows(9))
    target.commit()
    damage(tmp_path / "seed")
    with pytest.raises(UserError, match=sentence) as caught:
        Table.open(f"{tmp_path}/seed")
    assert str(tmp_path / "seed") in str(caught.value)
    assert not Table.exists(f"{tmp_path}/seed", "key-of-seed")


def test_changed_bytes_are_found_by_verify(tmp_path: Path) -> None:
    target = writer(tmp_path, "seed")
    target.stage(round_rows(9))
    table = target.commit()
    part = tmp_path / "seed" / table.manifest.parts[0].path
    data = bytearray(part.read_bytes())
    data[len(data) // 3] ^= 1
    part.write_bytes(data)
    with pytest.raises(UserError, match="changed"):
        table.verify()


def test_an_unknown_storage_is_named() -> None:
    with pytest.raises(UserError, match="nowhere://"):
        Table.open("nowhere://bucket/seed")
