"""Decode: files become rows, unreadable ones rows with an error; work is cut into units."""

import pickle

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.sources import open_source
from tag2mask.pipeline.stages.decode import UNIT_ROWS, Decode, Pictures


@pytest.fixture
def found(tmp_path):
    folder = tmp_path / "cat"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(3):
        pixels = random.integers(0, 256, (9, 7, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    return ingest(open_source(str(tmp_path)))


def test_rows_of_the_images_table(found):
    stage = pickle.loads(pickle.dumps(Decode(found.source)))
    (unit,) = Pictures(found).units()
    rows = {row["id"]: row for row in stage(unit.read())}
    assert set(unit.ids) == set(rows) == {picture.id for picture in found.pictures}
    sound = [row for row in rows.values() if not row["error"]]
    assert {row["image"]["path"] for row in sound} == {f"cat/{n}.png" for n in range(3)}
    assert all((row["height"], row["width"], row["tags"]) == (9, 7, [1]) for row in sound)
    (broken,) = (row for row in rows.values() if row["error"])
    assert broken["image"] is None
    assert "cat/broken.jpg" in broken["error"]


def test_rows_are_those_of_ingest(found):
    (unit,) = Pictures(found).units()
    rows = Decode(found.source)(unit.read())
    assert sorted(rows, key=lambda row: row["id"]) == list(found.rows())


def test_units_leave_out_what_is_done(found):
    done = {found.pictures[0].id, found.pictures[2].id}
    units = Pictures(found).units(done)
    assert {row_id for unit in units for row_id in unit.ids} == {
        picture.id for picture in found.pictures if picture.id not in done
    }
    assert Pictures(found).units({picture.id for picture in found.pictures}) == []


def test_a_unit_splits_into_single_rows(found):
    (unit,) = Pictures(found).units()
    pieces = unit.split()
    assert [piece.ids for piece in pieces] == [(row_id,) for row_id in unit.ids]
    assert [row for piece in pieces for row in piece.read()] == unit.read()
    assert len(unit.ids) <= UNIT_ROWS
