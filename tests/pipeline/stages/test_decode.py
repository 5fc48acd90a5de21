"""Decode: files become rows, unreadable ones rows with an error; work is cut into units."""

import pickle

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.sources import open_source
from tag2mask.pipeline.stages.decode import UNIT_ROWS, Decode, Images


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
    (unit,) = Images(found).units()
    rows = {row["id"]: row for row in stage(unit.read())}
    assert set(unit.ids) == set(rows) == {image.id for image in found.images}
    sound = [row for row in rows.values() if not row["error"]]
    assert {row["image"]["path"] for row in sound} == {f"cat/{n}.png" for n in range(3)}
    assert all((row["height"], row["width"], row["tags"]) == (9, 7, [1]) for row in sound)
    (broken,) = (row for row in rows.values() if row["error"])
    assert broken["image"] is None
    assert "cat/broken.jpg" in broken["error"]


def test_rows_are_those_of_ingest(found):
    (unit,) = Images(found).units()
    rows = Decode(found.source)(unit.read())
    assert sorted(rows, key=lambda row: row["id"]) == list(found.rows())


def test_units_leave_out_what_is_done(found):
    done = {found.images[0].id, found.images[2].id}
    units = Images(found).units(done)
    assert {row_id for unit in units for row_id in unit.ids} == {
        image.id for image in found.images if image.id not in done
    }
    assert Images(found).units({image.id for image in found.images}) == []


def test_a_unit_splits_into_single_rows(found):
    (unit,) = Images(found).units()
    pieces = unit.split()
    assert [piece.ids for piece in pieces] == [(row_id,) for row_id in unit.ids]
    assert [row for piece in pieces for row in piece.read()] == unit.read()
    assert len(unit.ids) <= UNIT_ROWS
