"""A few ground truth masks among many predicted ones: drawn fairly, handled as corrections."""

import itertools

import pytest

from tag2mask.flows.benchmarks.ladder import BENCHMARKS
from tag2mask.flows.benchmarks.semi_supervised import (
    SHARES,
    CorrectedRun,
    corrections,
    draw_ids,
    undrawn_ids,
)
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.model_store import read_card
from tests.flows.requests import request
from tests.pipeline.toys import image_row, images_table, round_table, tiny_recipe

COUNT = 60
WALK = 'affinity={"size": 64, "training": {"steps": 1, "batch": 4, "crop": 64, "warmup": 0}}'


@pytest.fixture(scope="module")
def ground_truth(tmp_path_factory):
    root = tmp_path_factory.mktemp("truth")
    return round_table(root, images_table(root, COUNT), "truth")


def test_draws_are_shares_and_larger_ones_hold_the_smaller(ground_truth):
    draws = [draw_ids(ground_truth, share) for share in SHARES]
    assert [len(drawn) for drawn in draws] == [0, 1, 3, 12]
    for smaller, larger in itertools.pairwise(draws):
        assert smaller < larger
    assert undrawn_ids(ground_truth, 0.2) == {*ground_truth.ids()} - draws[-1]


def test_ground_truth_masks_become_a_person_s_once(tmp_path):
    images = images_table(tmp_path, 12)
    ground_truth = round_table(tmp_path, images, "truth")
    run = CorrectedRun(str(tmp_path), tiny_recipe(), LocalEngine(1), 0.5)
    assert run.named("initial") == "initial-0.5"
    ids = draw_ids(ground_truth, 0.5)
    run.store_corrections(images, ground_truth, ids)
    table = run.open_corrections(images)
    masks = {row["id"]: row["mask"]["bytes"] for row in ground_truth.rows()}
    assert {row["id"]: row["mask"]["bytes"] for row in table.rows()} == {
        row_id: masks[row_id] for row_id in ids
    }
    run.store_corrections(images, ground_truth, ids)
    assert run.open_corrections(images).manifest.key == table.manifest.key
    run.store_corrections(images, ground_truth, set(list(ids)[:2]))
    assert len(run.open_corrections(images)) == 2


def test_the_share_of_none_is_the_run_itself(tmp_path):
    images = images_table(tmp_path, 3)
    run = CorrectedRun(str(tmp_path), tiny_recipe(), LocalEngine(1), 0.0)
    run.store_corrections(images, round_table(tmp_path, images, "truth"), set())
    assert run.named("initial") == "initial"
    assert run.open_corrections(images) is None


def test_it_is_a_benchmark():
    assert BENCHMARKS["semi-supervised"] is corrections


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_share_is_measured_and_nothing_twice(source, prefect_server, tmp_path, monkeypatch):
    del prefect_server
    monkeypatch.setattr("tag2mask.flows.benchmarks.semi_supervised.SHARES", (0.0, 0.2))
    recipe = tiny_recipe("tagger.training.steps=1", "segmenter.training.steps=1", WALK)
    asked = request(source, tmp_path / "out", recipe)
    table = corrections(asked)
    lines = table.splitlines()
    assert len(lines) == 4
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 0%", "| 20%"]
    drawn = int(lines[3].split(" | ")[1])
    run = tmp_path / "out/run"
    assert len(Table.open(f"{run}/corrections-0.2")) == drawn > 0
    human = [row for row in Table.open(f"{run}/rounds/enhanced-0.2").rows(["source"])]
    assert sum(row["source"] == "human" for row in human) == drawn
    # The walked seeds teach, as in the ladder, whose rounds are therefore not made again.
    walked = Table.open(f"{run}/rounds/affinity")
    seeds = sum(row["kept"] for row in walked.rows(["kept"]))
    assert read_card(f"{run}/models/initial").training["images"] == seeds
    assert seeds < read_card(f"{run}/models/initial-0.2").training["images"] <= seeds + drawn
    monkeypatch.setattr("tag2mask.models.factory.Architecture.build", None)
    assert corrections(asked) == table


@pytest.mark.slow
def test_no_ground_truth_is_said(tmp_path, prefect_server):
    del prefect_server
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat/a.png").write_bytes(image_row(0, [1])["image"]["bytes"])
    with pytest.raises(UserError, match="no ground truth masks"):
        corrections(request(tmp_path, tmp_path / "out", tiny_recipe()))
