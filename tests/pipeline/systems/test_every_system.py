"""Every system by its name: trained on a dataset, stored, read again, and at work."""

import io
import json

import pytest
from PIL import Image

from tag2mask.models.generation import GENERATORS
from tag2mask.models.transformation import TRANSFORMERS
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.systems.apply import generate_images, transform_images
from tag2mask.pipeline.systems.recipe import read_system_recipe
from tag2mask.pipeline.systems.train import train_system
from tag2mask.pipeline.tables.table import Table
from tests.models.generation.test_base import SMALLER
from tests.models.transformation.test_base import SMALL
from tests.pipeline.published import publish_toys
from tests.pipeline.toys import SilentReporter

SIZE, COUNT = 32, 12
QUICK = ("training.steps=2", "training.batch=4", f"system.size={SIZE}")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return publish_toys(tmp_path_factory.mktemp("run"), COUNT).uri


@pytest.fixture(scope="module")
def photos(dataset, tmp_path_factory):
    """The dataset's images as a folder of files, which may also be frames."""
    folder = tmp_path_factory.mktemp("photos")
    for row in Table.open(dataset).rows(["image"]):
        with Image.open(io.BytesIO(row["image"]["bytes"])) as image:
            image.resize((SIZE, SIZE)).save(folder / f"{row['image']['path'].rsplit('.')[0]}.png")
    return folder


def train(task, dataset, uri, small):
    changes = [f"system.{name}={json.dumps(value)}" for name, value in small.items()]
    recipe = read_system_recipe(task, None, [*QUICK, *changes])
    return train_system(dataset, uri, recipe, LocalEngine(1), SilentReporter())


def assert_images(made, folder, count):
    assert made.failed == ()
    files = sorted(folder.glob("*.png"))
    assert len(files) == made.images == count
    for file in files:
        with Image.open(file) as image:
            image.load()
            assert image.mode == "RGB"
            assert min(image.size) >= SIZE / 2


@pytest.mark.parametrize("task", sorted(GENERATORS))
def test_generates_images(task, dataset, tmp_path):
    small = {"latent": 8, "width": 4, **SMALLER.get(task, {})}
    card = train(task, dataset, f"{tmp_path}/model", small)
    assert card.architecture.name == task
    out = tmp_path / "out"
    arguments = (f"{tmp_path}/model", str(out), LocalEngine(1), SilentReporter())
    made = generate_images(*arguments, count=3, like=dataset if GENERATORS[task].needs else None)
    assert_images(made, out, 3)


@pytest.mark.parametrize("task", sorted(TRANSFORMERS))
def test_transforms_images(task, dataset, photos, tmp_path):
    card = train(task, dataset, f"{tmp_path}/model", SMALL.get(task, {}))
    assert card.architecture.name == task
    needs, out = TRANSFORMERS[task].needs, tmp_path / "out"
    moves = "next" in needs
    made = transform_images(
        f"{tmp_path}/model",
        str(photos) if moves else dataset,
        str(out),
        LocalEngine(1),
        SilentReporter(),
        style=str(next(photos.glob("*.png"))) if "style" in needs else None,
        tags=["cat"] if "tags" in needs else [],
    )
    assert_images(made, out, COUNT - moves)
