"""The wheel: one top-level name, and it works beside a project's own packages of our names."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.pipeline.toys import tiny_recipe

ROOT = Path(__file__).parents[1]
PARTS = ("flows", "models", "pipeline", "tag2mask", "pyproject.toml", "LICENSE", "README.md")
THEIRS = ("models", "flows", "pipeline", "utils")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SCORER = '''
"""A scorer beside a project's own packages."""

import models  # the project's
import torch


class Everywhere:
    def __init__(self, tagger, classes):
        assert models.OWNER == "their models"

    def __call__(self, image, classes):
        return torch.full((len(classes), *image.shape[1:]), 0.9)
'''

PROJECT = '''
"""Somebody's project: labels, reads, predicts."""

import json

import flows, models, pipeline, utils
import tag2mask
from tag2mask.pipeline.synthetic.images import write_sample


def main():
    for package in (flows, models, pipeline, utils):
        assert package.OWNER == f"their {package.__name__}"
    write_sample("photos", 20, seed=1)
    with open("recipe.json") as file:
        recipe = json.load(file)
    result = tag2mask.label("photos", out="run", recipe=recipe, engine="local", workers=1)
    dataset = tag2mask.MaskDataset(result.dataset)
    sample = dataset[0]
    segmenter = tag2mask.load_segmenter(result.models["powerful"])
    prediction = segmenter.predict("photos/JPEGImages/000000.jpg")
    recipe["seeds"]["scorer"], recipe["seeds"]["settings"] = "my_scorers:Everywhere", {}
    own = tag2mask.label("photos", out="own", recipe=recipe, engine="local", workers=2)
    seeds = tag2mask.open_table("own/rounds/seed")
    found = {
        "file": tag2mask.__file__,
        "published": result.published,
        "dataset": len(dataset),
        "mask": list(sample["mask"].shape),
        "image": list(sample["image"].shape[1:]),
        "prediction": list(prediction.mask.shape),
        "classes": len(prediction.class_names),
        "scorers": sorted({row["source"] for row in seeds.rows(["source"])}),
        "own": own.published,
    }
    with open("found.json", "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main()
'''


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy: a build leaves its files beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / part, source / part, symlinks=True, ignore=unwanted)
        else:
            shutil.copy(ROOT / part, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    called([*command, "--wheel-dir", folder / "built", source])
    (built,) = (folder / "built").glob("*.whl")
    return built


def called(command, **options):
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    target = tmp_path_factory.mktemp("installed")
    called([sys.executable, "-m", "pip", "install", "--no-deps", "--target", target, wheel])
    return target


def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_its_only_top_level_name_is_the_project(wheel):
    version = importlib.metadata.version("tag2mask")
    top_level = {name.split("/")[0] for name in names(wheel)}
    assert top_level == {"tag2mask", f"tag2mask-{version}.dist-info"}


def test_every_file_is_in_it(wheel):
    """Each module once, the templates, and the mark that there are types."""
    files = sorted(name for name in names(wheel) if name.startswith("tag2mask/"))
    layers = [
        f"tag2mask/{path.relative_to(ROOT).as_posix()}"
        for layer in ("flows", "models", "pipeline")
        for path in (ROOT / layer).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    door = [f"tag2mask/{path.name}" for path in (ROOT / "tag2mask").glob("*.py")]
    assert "tag2mask/py.typed" in files
    assert any("pipeline/report/templates/" in name for name in files)
    assert any("pipeline/systems/paint/templates/" in name for name in files)
    assert files == sorted([*layers, *door, "tag2mask/py.typed"])


def test_it_works_in_a_project_with_packages_of_our_names(installed, tmp_path):
    for name in THEIRS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f'OWNER = "their {name}"\n')
    (tmp_path / "my_scorers.py").write_text(SCORER)
    (tmp_path / "project.py").write_text(PROJECT)
    recipe = tiny_recipe().model_dump(mode="json")
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(installed), packages]),
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("PREFECT_API_URL", None)
    # Without ``site`` the checkout, installed for editing, is not on the path.
    called([sys.executable, "-S", "project.py"], cwd=tmp_path, env=environment, timeout=800)
    found = json.loads((tmp_path / "found.json").read_text())
    assert Path(found["file"]).parent == installed / "tag2mask"
    assert found["published"] == found["dataset"] == found["own"] == 16
    assert found["mask"] == found["image"]
    assert len(found["prediction"]) == 2
    assert found["classes"] == 6
    assert found["scorers"] == ["my_scorers:Everywhere"]
