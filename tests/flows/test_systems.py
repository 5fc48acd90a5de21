"""The commands train, generate and transform on the dataset of a run."""

import json

import pytest
from PIL import Image

TINY = ["training.steps=2", "training.batch=4", "system.size=32", "system.width=4"]
SETTINGS = [part for change in TINY for part in ("--set", change)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("systems")


@pytest.mark.slow
def test_from_a_dataset_to_images(command, finished, folder):
    dataset = finished.folder / "dataset"
    model = folder / "photos"
    code, out, _ = command(
        "train", "mask_to_photo", dataset, "--out", model, "--engine", "local", *SETTINGS
    )
    assert code == 0
    assert f"model    {model}" in out
    assert "generator.l1" in out
    assert Image.open(model / "samples.png").width > 32
    card = json.loads((model / "model.json").read_text())
    assert card["architecture"]["settings"]["width"] == 4

    made = folder / "made"
    code, out, _ = command("transform", model, dataset, "--out", made, "--engine", "local")
    assert code == 0
    assert "images in" in out
    assert len(list(made.glob("*.png"))) == card["training"]["images"]


@pytest.mark.slow
def test_new_images(command, finished, folder):
    model = folder / "dcgan"
    dataset = finished.folder / "dataset"
    command("train", "dcgan", dataset, "--out", model, "--engine", "local", *SETTINGS)
    new = folder / "new"
    code, out, _ = command("generate", model, "--out", new, "--count", 3, "--engine", "local")
    assert (code, len(list(new.glob("*.png")))) == (0, 3)
    assert out.startswith("3 images in")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "dcgam", "DATASET", "--out", "OUT"], ["unknown system 'dcgam'", "dcgan"]),
        (["train", "dcgan", "DATASET", "--out", "OUT", "--set", "x=1"], ["unknown setting 'x'"]),
        (["train", "dcgan", "NOWHERE", "--out", "OUT", "--engine", "local"], ["NOWHERE"]),
        (["generate", "NOWHERE", "--out", "OUT", "--engine", "local"], ["no model at"]),
        (
            ["transform", "NOWHERE", "DATASET", "--out", "OUT", "--engine", "local"],
            ["no model at"],
        ),
    ],
)
def test_bad_input_is_one_sentence(command, finished, tmp_path, arguments, words):
    places = {"DATASET": finished.folder / "dataset", "OUT": tmp_path / "out"}
    code, _, err = command(*[places.get(argument, argument) for argument in arguments])
    assert code == 2
    assert err.count("tag2mask: ") == 1
    assert all(word in err for word in words)
    assert not (tmp_path / "out" / "model.json").exists()
