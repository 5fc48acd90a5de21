"""The survey's table on a bench that takes seconds: complete, resumable, one of each kind."""

import json

import pytest

from tag2mask.flows.benchmarks.methods import METHODS
from tag2mask.flows.benchmarks.table1 import table1
from tag2mask.models.segmentation import SEGMENTERS
from tag2mask.models.weak import WEAK_LOSSES
from tag2mask.pipeline.errors import UserError
from tests.flows.requests import request
from tests.pipeline.toys import tiny_recipe
from tests.written import written

ONE_OF_EACH_KIND = [
    "o2p",
    "deeplab_v1 + tree",
    "mil_ilp_seg",
    "dcsm",
    "dcsm + affinity",
    "foreground_prior",
    "sec",
    "ours + affinity",
]


@pytest.fixture(scope="module")
def quick():
    walk = '{"steps": 2, "batch": 2, "crop": 64}'
    steps = ("tagger.training.steps=2", "segmenter.training.steps=2")
    return tiny_recipe(*steps, f'affinity={{"size": 64, "training": {walk}}}')


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_methods_are_measured_and_kept(source, quick, prefect_server, tmp_path):
    del prefect_server

    def measure() -> str:
        return table1(request(source, tmp_path, quick, ONE_OF_EACH_KIND))

    text = measure()
    saved = json.loads((tmp_path / "run/table1.json").read_text())
    assert [row["name"] for row in saved] == [n for n in METHODS if n in ONE_OF_EACH_KIND]
    assert all(row["parameters"] > 1000 and row["seconds"] > 0 for row in saved)
    assert all(row["name"] in text for row in saved)
    for name in ("table1.png", "table1_masks.png"):
        assert (tmp_path / "run" / name).read_bytes().startswith(b"\x89PNG")
    before = written(tmp_path / "run/models")
    assert before
    assert measure() == text
    assert written(tmp_path / "run/models") == before, "nothing is trained again"


def test_an_unknown_method_is_named(quick):
    with pytest.raises(UserError, match="mil_fnc"):
        table1.fn(request("nowhere", "nowhere", quick, ["mil_fnc"]))


def test_every_segmenter_and_weak_loss_has_its_row():
    assert set(SEGMENTERS) <= METHODS.keys()
    assert set(WEAK_LOSSES) <= METHODS.keys()
