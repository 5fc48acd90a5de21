"""The scripts of examples/ run as a reader runs them, on a few generated images."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from prefect.testing.utilities import prefect_test_harness

import tag2mask
from tag2mask.pipeline.synthetic.images import write_sample
from tests.pipeline.toys import tiny_recipe

EXAMPLES = Path(__file__).parents[1] / "examples"

pytestmark = pytest.mark.slow


def run(script: str, *arguments: Path | str) -> str:
    """Run an example and return its output."""
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
    seeds = tag2mask.open_table(place / "own/rounds/seed")
    sources = {row["source"] for row in seeds.rows(["source"])}
    assert sources == {"own_scorer:CenterPrior"}


@pytest.fixture
def example(place, monkeypatch, capsys):
    """Runs an example in this process; its standard output."""
    monkeypatch.chdir(place)

    def run_here(script: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [script, *arguments])
        runpy.run_path(str(EXAMPLES / script), run_name="__main__")
        return capsys.readouterr().out

    return run_here


@pytest.fixture(scope="module")
def models(place):
    """A folder with a model of each system that an example uses, trained for three steps."""
    short = {"system": {"size": 32, "width": 4}, "training": {"steps": 3, "batch": 4}}
    with prefect_test_harness(server_startup_timeout=300):
        for system in ("dcgan", "icgan", "interactive_gan", "text_gan"):
            tag2mask.train(
                system, place / "run/dataset", out=place / system, recipe=short, engine="local"
            )
    return place


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def test_latent_arithmetic(models, example):
    example("latent_arithmetic.py", "dcgan", "samples.png")
    assert pixels(models / "samples.png").shape == (8 * 34 + 2, 8 * 34 + 2, 3)
    lists = ("1,2,3", "4,5,6", "4,5,6")
    example("latent_arithmetic.py", "dcgan", "sheet.png", *lists)
    sheet = pixels(models / "sheet.png")
    like, without, having, result = (sheet[2:34, 2 + 34 * n : 34 + 34 * n] for n in range(4))
    # What is taken away is added again.
    assert np.abs(result.astype(int) - like).max() <= 1
    assert (without == having).all()
    assert (like != without).any()


def test_edit_tags(models, example):
    example("edit_tags.py", "icgan", "run/dataset", "ball", "ball.png")
    example("edit_tags.py", "icgan", "run/dataset", "star", "star.png")
    ball, star = pixels(models / "ball.png"), pixels(models / "star.png")
    assert ball.shape == (3 * 34 + 2, 8 * 34 + 2, 3)
    assert (ball[: 2 * 34] == star[: 2 * 34]).all()
    assert (ball[2 * 34 :] != star[2 * 34 :]).any()


def test_draw_interactively(models, example):
    outline = Image.new("L", (64, 64))
    outline.paste(255, (16, 16, 48, 48))
    outline.save(models / "outline.png")
    example("draw_interactively.py", "interactive_gan", "outline.png", "drawn.png", "255,0,0")
    sheet = pixels(models / "drawn.png").astype(int)
    filled, painted = sheet[2:34, 2:34], sheet[2:34, 36:68]
    stroke = (slice(12, 20), slice(8, 24))
    red = np.array([255, 0, 0])
    assert np.abs(painted[stroke] - red).mean() < np.abs(filled[stroke] - red).mean()


def test_find_images(models, example):
    printed = example("find_images.py", "text_gan", "run/dataset", "a ball left of a star")
    found = re.findall(r"^ *(-?[\d.]+)  ([0-9a-f]{64})$", printed, re.MULTILINE)
    scores = [float(score) for score, _ in found]
    assert len(found) == 5
    assert scores == sorted(scores, reverse=True)
    assert {name for _, name in found} <= set(tag2mask.open_table(models / "run/dataset").ids())


def test_slide_a_classifier(place, example):
    printed = example("slide_a_classifier.py", "run/dataset", "3")
    found = re.findall(r"^[0-9a-f]{12} (\w+) [01]\.\d\d at x (\d+), y (\d+), side", printed, re.M)
    assert len(found) >= 5
    names = tag2mask.MaskDataset(place / "run/dataset").rows.classes.names
    assert {name for name, _, _ in found} <= set(names)


def test_prefect_flow(place):
    printed = run(
        "prefect_flow.py", place / "images", place / "run", place / "voc", place / "recipe.json"
    )
    masks = sorted((place / "voc/SegmentationClass").glob("*.png"))
    assert f"{len(masks)} images exported" in printed
    assert masks
    with Image.open(masks[0]) as mask:
        assert np.array(mask).max() > 0
