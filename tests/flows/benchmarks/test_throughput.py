"""The throughput benchmark: every engine labels every image, and the figures say so."""

import pytest

from tag2mask.flows.benchmarks.throughput import RESULT, throughput
from tag2mask.pipeline.benchmarks.throughput_tables import FIGURES
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.synthetic.images import write_sample
from tag2mask.pipeline.tables.table import Table
from tests.flows.requests import request
from tests.pipeline.toys import tiny_recipe

STEPS = ["images", "seed", "affinity", "crf", "powerful", "dataset"]


@pytest.mark.slow
def test_engines_are_measured_on_the_same_work(prefect_server, tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    write_sample(tmp_path / "pictures", 10, seed=0)
    out = tmp_path / "out"
    recipe = tiny_recipe('affinity={"size": 64}')
    text = throughput(request(tmp_path / "pictures", out, recipe, ["plain", "local"]))
    figures = FIGURES.validate_json((out / RESULT).read_text())
    assert [engine.engine for engine in figures.engines] == ["plain", "local"]
    for engine in figures.engines:
        assert [step.step for step in engine.steps] == STEPS
        assert {step.images for step in engine.steps} == {10}
        assert {stage.rows for step in engine.steps for stage in step.stages} == {10}
        assert engine.usage.driver_mib > 100
        assert engine.overhead > 0
    masks = [Table.open(f"{out}/{name}/run/dataset").fingerprint for name in ("plain", "local")]
    assert masks[0] == masks[1]
    assert {part.part for part in figures.parts} > {"decode the image", "encode the mask"}
    assert "100,000,000 images like these, from 10 on the engine 'local'" in text


def test_refusals(tmp_path):
    with pytest.raises(UserError, match=r"unknown engine 'spark'.*plain, local, ray"):
        throughput(request("nowhere", tmp_path, tiny_recipe(), ["spark"]))
    with pytest.raises(UserError, match="local disk"):
        throughput(request("nowhere", "s3://bucket/out", tiny_recipe()))


def test_a_folder_of_somebody_else_is_not_removed(tmp_path):
    (tmp_path / "out/local").mkdir(parents=True)
    (tmp_path / "out/local/photo.jpg").write_bytes(b"photo")
    with pytest.raises(UserError, match="no measurement has made it"):
        throughput(request("nowhere", tmp_path / "out", tiny_recipe(), ["local"]))
    assert (tmp_path / "out/local/photo.jpg").read_bytes() == b"photo"
