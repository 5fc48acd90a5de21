"""The survey's claims on a bench that takes seconds: every number is there, and resumed."""

import json

import pytest

from tag2mask.flows.benchmarks.claims import CLAIMS, claims
from tag2mask.pipeline.errors import UserError
from tests.flows.requests import request
from tests.pipeline.toys import tiny_recipe


@pytest.fixture(scope="module")
def quick():
    return tiny_recipe("tagger.training.steps=2", "segmenter.training.steps=1", "relabel.crf=irn")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_claims_have_their_numbers(source, quick, prefect_server, tmp_path, monkeypatch):
    del prefect_server
    monkeypatch.setattr("tag2mask.flows.benchmarks.claims.CLIPS", 1)
    monkeypatch.setattr("tag2mask.flows.benchmarks.dcsm_ablation.IMAGES", 3)

    def measure(chosen=None) -> str:
        return claims(request(source, tmp_path, quick, chosen))

    first = measure(["labels", "gradients"])
    assert first.index("gradients find") < first.index("labels at"), "in their own order"
    text = measure(["crf", "speed", "motion"])
    saved = {row["name"]: row["figures"] for row in json.loads(_read(tmp_path))}
    assert [*saved] == [name for name in CLAIMS if name != "dilation"]
    assert len(text.splitlines()) == 2 + len(saved)
    assert {"gradient, one tag", "dcsm, several"} <= saved["gradients"].keys()
    assert {"fcn8s gains", "pspnet gains"} <= saved["crf"].keys()
    assert [*saved["labels"]] == ["labels at 8 pixels", "at 4 pixels"]
    assert saved["speed"]["2,000 crops (times as long)"] > 10
    assert saved["motion"]["with"] > saved["motion"]["IoU without motion"]


def _read(folder) -> str:
    return (folder / "run/claims.json").read_text()


def test_an_unknown_claim_is_named(quick):
    with pytest.raises(UserError, match="gradient"):
        claims.fn(request("nowhere", "nowhere", quick, ["gradient"]))
