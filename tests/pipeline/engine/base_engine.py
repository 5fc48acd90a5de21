"""Tests for every engine; a test class of one engine inherits all of them."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest

from tag2mask.pipeline.engine.base import Engine, StageSpec, WorkUnit, build_table
from tag2mask.pipeline.errors import StorageError, UserError
from tag2mask.pipeline.records import IMAGES_SCHEMA, ROUND_SCHEMA, Row
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.table_writer import TableWriter
from tests.pipeline.engine import toys
from tests.pipeline.small_tables import expected_fingerprint, image_rows, images_table, writer

COUNT = 60


class EngineTests:
    """Inherit and provide the fixture ``engine``."""

    def test_every_row_goes_through_the_stages_once(
        self, engine: Engine, images: Table, tmp_path: Path
    ) -> None:
        counts: list[int] = []
        seed = writer(tmp_path, "seed")
        table = build_table(engine, Scan(images), [StageSpec(toys.Reverse)], seed, counts.append)
        assert sorted(table.ids()) == sorted(row["id"] for row in image_rows(COUNT))
        masks = {row["id"]: toys.mask_of(row["image"]["bytes"]) for row in image_rows(COUNT)}
        assert table.fingerprint == expected_fingerprint(masks)
        assert counts == sorted(counts)
        assert counts[-1] == COUNT

    def test_failures_cost_the_rows_that_cause_them(
        self, engine: Engine, images: Table, tmp_path: Path
    ) -> None:
        stages = [
            StageSpec(toys.FailOnTag, {"tag": 2}, batch_size=16),
            StageSpec(toys.NeedsSmallBatches, batch_size=7),
            StageSpec(toys.Reverse, batch_size=5),
        ]
        build_table(engine, Scan(images), stages, writer(tmp_path, "seed"), lambda count: None)
        rows = {row["id"]: row for row in Table.open(f"{tmp_path}/seed").rows()}
        assert len(rows) == COUNT
        for image in image_rows(COUNT):
            row = rows[image["id"]]
            if image["tags"] == [2]:
                assert row["error"] == "ValueError: cannot bear tag 2"
                assert (row["model"], row["mask"], row["reason"]) == (None, None, None)
            else:
                assert (row["error"], row["model"], row["reason"]) == (None, "done", "fits")
                assert row["mask"]["bytes"] == toys.mask_of(image["image"]["bytes"])

    def test_joined_rows_arrive_as_they_were_written(
        self, engine: Engine, images: Table, tmp_path: Path
    ) -> None:
        seed = writer(tmp_path, "seed")
        half = [row["id"] for row in image_rows(COUNT) if row["tags"] != [3]]
        seed.stage([{"id": row_id, **_SEED} for row_id in half])
        scan = Scan(images, {"seed": seed.commit()})
        stages = [StageSpec(toys.UsesSeed)]
        table = build_table(engine, scan, stages, writer(tmp_path, "next"), lambda count: None)
        found = {row["id"]: row for row in table.rows()}
        expected = {row["id"]: repr(row) for row in Table.open(f"{tmp_path}/seed").rows()}
        assert {row_id: row["reason"] for row_id, row in found.items()} == {
            row_id: expected.get(row_id, "None") for row_id in found
        }
        assert found[half[0]]["scores"] == _SEED["scores"]

    def test_staged_rows_are_not_made_again(
        self, engine: Engine, images: Table, tmp_path: Path
    ) -> None:
        seed = writer(tmp_path, "seed")
        early = [row["id"] for row in image_rows(COUNT)[:25]]
        seed.stage([{"id": row_id, "source": "an earlier run"} for row_id in early])
        counts: list[int] = []
        table = build_table(engine, Scan(images), [StageSpec(toys.Reverse)], seed, counts.append)
        assert {r["id"] for r in table.rows() if r["source"] == "an earlier run"} == set(early)
        assert len(table) == COUNT
        assert counts[0] == len(early)
        build_table(engine, Scan(images), [StageSpec(toys.MissingModel)], seed, counts.append)

    def test_a_stage_that_cannot_be_built_ends_the_run(
        self, engine: Engine, images: Table, tmp_path: Path
    ) -> None:
        stages = [StageSpec(toys.Reverse), StageSpec(toys.MissingModel, {"path": "m.bin"})]
        with pytest.raises(FileNotFoundError, match=r"no model at m\.bin"):
            engine.run(Scan(images), stages, writer(tmp_path, "seed"), lambda count: None)

    def test_a_part_that_cannot_be_read_ends_the_run(self, engine: Engine, tmp_path: Path) -> None:
        scan = Scan(images_table(tmp_path, 5))
        units = scan.units()
        for part in (tmp_path / "images" / "parts").iterdir():
            part.unlink()
        with pytest.raises(UserError, match="is no longer in"):
            engine.run(
                _Fixed(units), [StageSpec(toys.Reverse)], writer(tmp_path, "seed"), lambda n: None
            )

    def test_rows_that_cannot_be_staged_end_the_run(
        self, engine: Engine, images: Table, tmp_path: Path
    ) -> None:
        target = _FullDisk(
            f"{tmp_path}/seed",
            kind="seed",
            schema=ROUND_SCHEMA,
            key="key",
            shards=1,
            metadata={},
            staging=f"{tmp_path}/staging",
        )
        with pytest.raises(StorageError, match="no space left"):
            engine.run(Scan(images), [StageSpec(toys.Reverse)], target, lambda n: None)


class SurvivingEngineTests(EngineTests):
    """For engines whose stages run in other processes."""

    def test_an_image_that_kills_its_process_becomes_an_error_row(
        self, engine: Engine, images: Table, tmp_path: Path
    ) -> None:
        stages = [StageSpec(toys.Suicide, {"path": "7.jpg"}), StageSpec(toys.Reverse)]
        target = writer(tmp_path, "copy", IMAGES_SCHEMA)
        table = build_table(engine, Scan(images), stages, target, lambda count: None)
        fatal = image_rows(COUNT)[7]
        rows = {row["id"]: row for row in table.rows()}
        assert len(rows) == COUNT
        error = rows[fatal["id"]]["error"]
        assert "died" in error
        assert rows[fatal["id"]] == {**fatal, "error": error}
        assert [row["id"] for row in rows.values() if row["error"]] == [fatal["id"]]

    def test_a_process_that_dies_once_costs_nothing(
        self, engine: Engine, images: Table, tmp_path: Path
    ) -> None:
        settings = {"path": "7.jpg", "times": tmp_path / "died"}
        stages = [StageSpec(toys.Suicide, settings), StageSpec(toys.Reverse)]
        table = build_table(
            engine, Scan(images), stages, writer(tmp_path, "seed"), lambda count: None
        )
        assert (tmp_path / "died").exists()
        assert [row["error"] for row in table.rows()] == [None] * COUNT

    def test_stages_that_kill_every_process_end_the_run(
        self, engine: Engine, images: Table, tmp_path: Path
    ) -> None:
        with pytest.raises(RuntimeError, match="die"):
            engine.run(
                Scan(images), [StageSpec(toys.DiesLoading)], writer(tmp_path, "s"), lambda n: None
            )


class _FullDisk(TableWriter):
    """Cannot stage anything."""

    def stage(self, rows: Sequence[Row]) -> int:
        raise StorageError("no space left")


class _Fixed:
    """A source that was planned before its table was damaged."""

    def __init__(self, units: Sequence[WorkUnit]) -> None:
        self._units = units

    def units(self, done: AbstractSet[str] = frozenset()) -> Sequence[WorkUnit]:
        return self._units


_SEED = {
    "mask": {"bytes": b"\x00mask\xff", "path": None},
    "classes": [],
    "area": None,
    "confidence": [0.1, 1.0],
    "mask_confidence": 0.3,
    "scores": [b"", b"\x01\x02"],
    "source": "dcsm",
    "model": "",
    "kept": True,
}
