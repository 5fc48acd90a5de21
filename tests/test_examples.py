"""The scripts of examples/ run as a reader runs them, on a few generated images."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.synthetic.images import write_sample
from tests.pipeline.toys import tiny_recipe

EXAMPLES = Path(__file__).parents[1] / "examples"

pytestmark = pytest.mark.slow


def run(script: str, *arguments: Path | str) -> str:
    """What an example prints."""
    words = [sys.executable, script, *map(str, arguments)]
    done = subprocess.run(words, cwd=EXAMPLES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with generated images, a short recipe and a finished run."""
    folder = tmp_path_factory.mktemp("examples")
    write_sample(folder / "images", 24, seed=0)
    (folder / "recipe.json").write_text(json.dumps(tiny_recipe().model_dump(mode="json")))
    (folder / "printed").write_text(
        run("label_a_folder.py", folder / "images", folder / "run", folder / "recipe.json")
    )
    return folder


def test_every_example_is_listed():
    listed = set(re.findall(r"\((\w+\.py)\)", (EXAMPLES / "README.md").read_text()))
    assert listed == {file.name for file in EXAMPLES.glob("*.py")}


def test_label_a_folder(place):
    printed = (place / "printed").read_text()
    assert "fingerprint" in printed
    assert len(re.findall(r"^[0-9a-f]{12} \(\d+, \d+\) \[\d", printed, re.MULTILINE)) == 5


def test_train_your_network(place):
    printed = run("train_your_network.py", place / "run/dataset", place / "network.pt", "3")
    losses = [float(found) for found in re.findall(r"loss ([\d.]+)", printed)]
    assert len(losses) == 3
    assert losses[2] < losses[0]
    assert (place / "network.pt").stat().st_size > 1000


def test_own_scorer(place):
    run("own_scorer.py", place / "images", place / "own", place / "recipe.json")
    from tag2mask import open_table

    sources = {row["source"] for row in open_table(str(place / "own/rounds/seed")).rows(["source"])}
    assert sources == {"own_scorer:CenterPrior"}


def test_prefect_flow(place):
    printed = run(
        "prefect_flow.py", place / "images", place / "run", place / "voc", place / "recipe.json"
    )
    masks = sorted((place / "voc/SegmentationClass").glob("*.png"))
    assert f"{len(masks)} images exported" in printed
    assert masks
    with Image.open(masks[0]) as mask:
        assert np.array(mask).max() > 0
