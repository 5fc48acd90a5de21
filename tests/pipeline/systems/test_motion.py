"""Systems with motion get frames by their names."""

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.systems.apply import transform_images
from tag2mask.pipeline.systems.recipe import read_system_recipe
from tag2mask.pipeline.systems.train import train_system
from tests.pipeline.published import publish_toys
from tests.pipeline.toys import SilentReporter

TINY = (
    "training.steps=1",
    "training.batch=2",
    "system.size=32",
    "system.width=4",
    "system.levels=3",
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return publish_toys(tmp_path_factory.mktemp("run"), 6).uri


@pytest.fixture(scope="module")
def model(dataset, tmp_path_factory):
    out = str(tmp_path_factory.mktemp("models") / "flow")
    recipe = read_system_recipe("flow_simple", None, list(TINY))
    train_system(dataset, out, recipe, LocalEngine(1), SilentReporter())
    return out


def frames(folder, *sizes):
    folder.mkdir()
    random = np.random.default_rng(0)
    for number, (height, width) in enumerate(sizes):
        pixels = random.integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    return str(folder)


def flows(model, images, out):
    return transform_images(model, images, str(out), LocalEngine(1), SilentReporter())


def test_every_frame_but_the_last_has_a_flow(model, tmp_path):
    images = frames(tmp_path / "frames", (20, 30), (20, 30), (20, 30))
    flows(model, images, tmp_path / "out")
    assert sorted(f.name for f in (tmp_path / "out").glob("*.png")) == ["000.png", "001.png"]
    assert Image.open(tmp_path / "out" / "000.png").size == (30, 20)


def test_frames_of_two_sizes_are_an_error(model, tmp_path):
    images = frames(tmp_path / "frames", (20, 30), (20, 30), (22, 30))
    made = flows(model, images, tmp_path / "out")
    assert made.images == 1
    assert "the next frame has another size" in str(made.failed)


def test_one_frame_does_not_move(model, tmp_path):
    with pytest.raises(UserError, match="two frames or more"):
        flows(model, frames(tmp_path / "frames", (20, 30)), tmp_path / "out")


def test_a_dataset_is_no_film(model, dataset, tmp_path):
    with pytest.raises(UserError, match="needs frames, which follow each other"):
        flows(model, dataset, tmp_path / "out")
