"""Every block of README and docs runs, as a reader runs it, on the demo's generated images."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray
from prefect.testing.utilities import prefect_test_harness

import tag2mask
from tag2mask.flows.benchmarks import mask_quality
from tag2mask.flows.benchmarks.ladder import BENCHMARKS
from tag2mask.flows.benchmarks.setup import BenchRequest
from tag2mask.pipeline.synthetic.images import write_sample
from tests.doc_blocks import PAGES, code_blocks, page_id
from tests.doc_reader import Reader
from tests.pipeline.toys import tiny_recipe

IMAGES = 40
RUNNING = [page for page in PAGES if any(block.runs for block in code_blocks(page))]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def placeholders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the images, a finished run, a finished benchmark and a model."""
    folder = tmp_path_factory.mktemp("placeholders")
    write_sample(folder / "IMAGES", IMAGES, seed=0)
    recipe = tiny_recipe()
    system = {"system": {"size": 32, "width": 4}, "training": {"steps": 2, "batch": 4}}
    with prefect_test_harness(server_startup_timeout=300):
        run = folder / "RUN"
        tag2mask.label(folder / "IMAGES", out=run, recipe=recipe, engine="local", workers=1)
        BENCHMARKS["ladder"](
            BenchRequest(
                data=str(folder / "IMAGES"), out=str(folder / "LADDER"), recipe=recipe, workers=1
            )
        )
        tag2mask.train(
            "mask_to_photo", run / "dataset", out=folder / "MODEL", recipe=system, engine="local"
        )
        yield folder


@pytest.fixture
def reader(placeholders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """A reader in a folder that holds copies of the placeholders."""
    shutil.copytree(placeholders, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    for settings in (part for view in mask_quality.BUDGETS.values() for part in view.values()):
        training = {**settings["training"], "steps": 1, "batch": 4}
        monkeypatch.setitem(settings, "training", training)
    monkeypatch.setattr(mask_quality, "SEEDS", (0,))
    monkeypatch.setattr(mask_quality, "TEST", 40)
    yield Reader(monkeypatch)
    ray.shutdown()  # a page reads a dataset with it


@pytest.mark.parametrize("page", RUNNING, ids=page_id)
def test_the_page_runs(page: Path, reader: Reader, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "tag2mask")
    for block in code_blocks(page):
        if block.runs:
            reader.follow(block)
    assert "is now named" not in caplog.text, "the old name of a setting"
