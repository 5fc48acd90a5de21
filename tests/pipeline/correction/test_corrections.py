"""Corrections are fixed truth: no model overwrites them, no filter drops them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tag2mask.pipeline.correction.corrections import (
    add_corrections,
    join_corrections,
    open_corrections,
)
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.rounds import Round
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import IGNORE, Row, decode_map, decode_mask, encode_mask
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.augmentation import View
from tag2mask.pipeline.training.targets import CORRECTION, CorrectedTarget, MaskTarget, SoftTarget
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import (
    CLASSES,
    SilentReporter,
    image_row,
    images_table,
    round_row,
    round_table,
    tiny_recipe,
)

COUNT = 8


@pytest.fixture(autouse=True)
def _normal_floats():
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def images(tmp_path: Path) -> Table:
    return images_table(tmp_path, COUNT)


def run_at(root: Path, *changes: str) -> Run:
    return Run(str(root), tiny_recipe(*changes), LocalEngine(1), SilentReporter())


def correction(row: Row) -> Row:
    """A mask that no model would make: stripes of all classes, and ignore."""
    mask = np.zeros((row["height"], row["width"]), np.uint8)
    for value in (1, 2, 3):
        mask[:, value::8] = value
    mask[:8] = IGNORE
    return {
        "id": row["id"],
        "mask": {"bytes": encode_mask(mask), "path": None},
        "classes": [1, 2, 3],
        "tags": [1, 2, 3],
        "source": "human",
        "verdict": "corrected",
        "editor": "me",
        "time": "2020-01-01T00:00:00+00:00",
    }


def correct(root: Path, images: Table, count: int = 2) -> list[Row]:
    rows = [correction(row) for row in list(images.rows())[:count]]
    add_corrections(f"{root}/corrections", images, rows)
    return rows


def test_adding_keeps_the_others_and_replaces_the_same(tmp_path, images):
    uri = f"{tmp_path}/corrections"
    first, second, third = (correction(row) for row in list(images.rows())[:3])
    add_corrections(uri, images, [first, second])
    table = add_corrections(uri, images, [{**second, "editor": "you"}, third])
    editors = {row["id"]: row["editor"] for row in table.rows()}
    assert editors == {first["id"]: "me", second["id"]: "you", third["id"]: "me"}


def test_the_fingerprint_follows_from_masks_alone(tmp_path, images):
    rows = [correction(row) for row in list(images.rows())[:2]]
    one = add_corrections(f"{tmp_path}/one", images, rows)
    two = add_corrections(f"{tmp_path}/two", images, rows[:1])
    two = add_corrections(f"{tmp_path}/two", images, [{**rows[1], "time": "later"}])
    assert one.fingerprint == two.fingerprint


def test_other_classes_are_not_mixed_up(tmp_path, images):
    correct(tmp_path, images)
    others = writer(tmp_path, "others", images.schema, metadata={"classes": ["dog", "cat", "bird"]})
    others.stage([image_row(0, [1])])
    with pytest.raises(UserError, match=r"made for the classes .*'cat', 'dog'.* and the run has"):
        open_corrections(f"{tmp_path}/corrections", others.commit())


def test_a_run_without_corrections_has_none(tmp_path, images):
    assert run_at(tmp_path).open_corrections(images) is None
    scan = Scan(images, columns=["image", "tags"])
    assert join_corrections(scan, None) is scan


@pytest.mark.parametrize("soft", [False, True])
def test_targets_are_the_person_s_where_there_is_one(tmp_path, images, soft):
    correct(tmp_path, images, 1)
    table = open_corrections(f"{tmp_path}/corrections", images)
    toy = round_table(tmp_path, images)
    scan = join_corrections(
        Scan(images, {"toy": toy}, columns=["tags", "toy.mask", "toy.probabilities"]), table
    )
    otherwise = SoftTarget("toy", len(CLASSES)) if soft else MaskTarget("toy")
    target = CorrectedTarget(otherwise, len(CLASSES), soft)
    whole = View(64, 48, 0, 0, 64, False)
    for row in scan.rows():
        found = target(row, whole, np.random.default_rng(0))
        if row[CORRECTION] is None:
            expected = otherwise(row, whole, np.random.default_rng(0))
        else:
            expected = np.full((16, 16), IGNORE)
            mask = decode_mask(row[CORRECTION]["mask"]["bytes"])
            expected[:12] = mask[2::4, 2::4]
            if soft:
                expected = np.stack([expected == value for value in range(4)])
                assert (found.sum(axis=0) == (mask_known := expected.any(axis=0))).all()
                assert not mask_known.all()
        np.testing.assert_array_equal(found, expected)


def test_rounds_and_dataset_hold_the_person_s_masks(tmp_path, images):
    # A filter that would drop them, and a model that would paint over them.
    run = run_at(tmp_path, "select.simple_area=[0.9, 1]", "select.objects_area=0.5")
    toy = round_table(tmp_path, images)
    run.train_tagger(images)
    run.train_segmenter(Round("initial"), images, toy)
    without = run.relabel(Round("initial"), images)
    earlier = {row["id"]: row for row in without.rows()}
    rows = correct(tmp_path, images)
    table = run.relabel(Round("initial"), images)
    assert table.manifest.key != without.manifest.key
    found = {row["id"]: row for row in table.rows()}
    assert sorted(found) == sorted(images.ids())
    for row in rows:
        human = found.pop(row["id"])
        assert human["mask"]["bytes"] == row["mask"]["bytes"]
        assert (human["source"], human["model"], human["kept"]) == ("human", "", True)
        assert human["classes"] == [1, 2, 3]
        assert human["confidence"] == [1.0, 1.0, 1.0]
        assert human["mask_confidence"] == 1.0
        certain = decode_map(human["confidence_map"]["bytes"])
        assert certain[0].max() < 0.2
        assert (certain[2:] == 1).all()
    assert found == {row_id: earlier[row_id] for row_id in found}
    dataset = release(run, images, table)
    published = {row["id"]: row for row in dataset.rows()}
    for row in rows:
        assert published[row["id"]]["mask"]["bytes"] == row["mask"]["bytes"]
        assert published[row["id"]]["source"] == "human"
        assert published[row["id"]]["tags"] == [1, 2, 3]


def test_trainings_take_them_even_where_the_round_has_none(tmp_path, images, monkeypatch):
    rounds = writer(tmp_path, "toy", metadata=images.metadata)
    left_out = {"kept": False, "reason": "area: too small"}
    all_rows = list(images.rows())
    rounds.stage(
        [
            {**round_row(row), **(left_out if n == 0 else {})}
            for n, row in enumerate(all_rows)
            if n != 1
        ]
    )
    toy = rounds.commit()
    run = run_at(tmp_path, "segmenter.training.steps=1", "segmenter.from_tagger=false")
    before = run.train_segmenter(Round("initial", soft=True), images, toy)
    assert before.training["images"] == COUNT - 2
    correct(tmp_path, images, 3)
    after = run.train_segmenter(Round("initial", soft=True), images, toy)
    assert after.training["images"] == COUNT
    assert after.key != before.key
    assert run.train_segmenter(Round("initial", soft=True), images, toy) == after
