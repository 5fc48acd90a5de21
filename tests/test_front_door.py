"""The front door ``tag2mask``: its names, the examples of its docstrings, its results."""

import doctest
import importlib
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from prefect import flow
from prefect.testing.utilities import prefect_test_harness

import tag2mask
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.prediction import predict_folder
from tag2mask.pipeline.records import decode_mask
from tag2mask.pipeline.synthetic.images import write_sample
from tests.pipeline.stored_models import stored_model
from tests.pipeline.toys import CLASSES, image_row, tiny_recipe

IMAGES = 30  # 24 of them are of the split ``train``
MODULES = ("labeling", "systems", "evaluation", "exporting", "segmenter", "tables")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with sample photos, a recipe that is quick, and the run of both."""
    folder = tmp_path_factory.mktemp("front_door")
    write_sample(folder / "photos", IMAGES, seed=1)
    (folder / "recipe.json").write_text(json.dumps(tiny_recipe().model_dump(mode="json")))
    with prefect_test_harness(server_startup_timeout=300):
        tag2mask.label(
            folder / "photos",
            out=folder / "run",
            recipe=folder / "recipe.json",
            engine="local",
            workers=1,
        )
        yield folder


@pytest.fixture
def here(place, monkeypatch):
    """The same as the working directory."""
    monkeypatch.chdir(place)
    return place


def relabel(place, **changes):
    settings = {"out": place / "run", "recipe": tiny_recipe(), "engine": "local", "workers": 1}
    return tag2mask.label(place / "photos", **{**settings, **changes})


def test_every_name_is_there_and_documented():
    for name in tag2mask.__all__:
        assert getattr(tag2mask, name) is not None
        assert name in dir(tag2mask)
        if name != "__version__":
            assert getattr(tag2mask, name).__doc__
    assert tag2mask.__version__ == importlib.metadata.version("tag2mask")
    with pytest.raises(AttributeError, match="lable"):
        _ = tag2mask.lable


def in_a_new_process(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_name_is_imported_when_it_is_used():
    code = "import sys, tag2mask; dir(tag2mask); print(*sys.modules)"
    modules = set(in_a_new_process(code).split())
    assert "tag2mask" in modules
    assert not {"torch", "numpy", "pyarrow", "ray", "prefect"} & modules


@pytest.mark.slow
def test_reading_a_dataset_imports_neither_ray_nor_prefect(place):
    code = (
        "import sys, tag2mask\n"
        "dataset = tag2mask.MaskDataset(sys.argv[1], where=tag2mask.RowFilter())\n"
        "assert dataset[0]['mask'].ndim == 2\n"
        "assert len(tag2mask.open_table(sys.argv[1])) == len(dataset)\n"
        "batch = next(iter(tag2mask.MaskStream(sys.argv[1])))\n"
        "print(*sys.modules)"
    )
    modules = set(in_a_new_process(code, place / "run/dataset").split())
    assert "torch" in modules
    assert not {"ray", "prefect"} & modules


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_examples_of_the_docstrings(here, name):
    module = importlib.import_module(f"tag2mask.{name}")
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = finder.find(module, extraglobs={"tag2mask": tag2mask})
    examples = sorted((test for test in found if test.examples), key=lambda test: test.lineno)
    assert examples
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF)
    report = []
    for test in examples:
        runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)


@pytest.mark.slow
def test_the_result_of_labeling(place):
    result = relabel(place)
    dataset = tag2mask.open_table(result.dataset)
    assert result.fingerprint == dataset.fingerprint
    assert result.published == len(dataset) == 24
    assert (result.version, result.rejected) == (1, {})
    assert result.counts.kept == 24
    assert [row.name for row in result.ladder] == ["seed", "initial", "enhanced", "powerful"]
    assert all(0 < row.pseudo_label_miou_seeded < 1 for row in result.ladder)
    assert Path(result.contact_sheet).is_file()
    assert all(Path(uri, "model.json").is_file() for uri in result.models.values())
    said = str(result)
    assert said == result.summary
    assert said.startswith("nothing new in the source since version 1\n\n")
    assert said.endswith(json.loads((place / "run/run.json").read_text())["summary"])


@pytest.mark.slow
def test_a_run_of_the_first_version_has_the_same_result(place):
    """Its run.json has other names."""
    expected = relabel(place)
    path = place / "run/run.json"
    record = path.read_text()
    old = json.loads(record)
    old["left_out"], old["last_word"] = old.pop("rejected"), old.pop("summary")
    path.write_text(json.dumps(old))
    try:
        assert relabel(place) == expected
    finally:
        path.write_text(record)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["path", "nested values", "recipe"])
def test_every_form_of_a_recipe_is_the_same(place, form):
    forms = {
        "path": place / "recipe.json",
        "nested values": tiny_recipe().model_dump(mode="json"),
        "recipe": tiny_recipe(),
    }
    assert str(relabel(place, recipe=forms[form])).startswith("nothing new")


@pytest.mark.slow
def test_inside_a_flow_of_somebody_else(place):
    @flow
    def nightly():
        return relabel(place)

    assert nightly() == relabel(place)


@pytest.mark.slow
def test_evaluation_and_export_say_what_the_commands_say(here, capsys, monkeypatch):
    from tag2mask.flows.cli import main

    def command(*arguments):
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["tag2mask", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr().out

    scores = tag2mask.evaluate("run/dataset", ground_truth=here / "photos")
    assert f"{scores}\n" == command("evaluate", "run/dataset", "--truth", "photos")
    exported = tag2mask.export("run/dataset", out="as_coco", format="coco")
    expected = command("export", "run/dataset", "--out", "again", "--format", "coco")
    assert f"{exported}\n" == expected.replace(" in again ", " in as_coco ")
    assert command("--version") == f"tag2mask {tag2mask.__version__}\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A segmenter of random weights, of a run that labeled at 64 pixels."""
    return stored_model(
        tmp_path_factory.mktemp("models"), "segmenter", "deeplab_v1", 8, {"relabel": {"size": 64}}
    )


@pytest.fixture
def photo(tmp_path):
    (tmp_path / "photos").mkdir()
    path = tmp_path / "photos/one.png"
    path.write_bytes(image_row(0, [1, 2])["image"]["bytes"])
    return path


def test_masks_are_those_of_the_command_predict(model, photo, tmp_path):
    predict_folder(model, str(photo.parent), str(tmp_path / "masks"))
    expected = decode_mask((tmp_path / "masks/one.png").read_bytes())
    assert len(np.unique(expected)) > 1
    segmenter = tag2mask.load_segmenter(Path(model))
    with Image.open(photo) as image:
        pixels = np.array(image)
        predictions = segmenter.predict([photo, str(photo), image, pixels])
    for prediction in [*predictions, segmenter.predict(photo)]:
        assert prediction.mask.dtype == np.uint8
        np.testing.assert_array_equal(prediction.mask, expected)


def test_probabilities_and_confidence(model, photo):
    prediction = tag2mask.load_segmenter(model).predict(photo)
    height, width = prediction.mask.shape
    assert prediction.class_names == ("background", *CLASSES)
    assert prediction.probabilities.shape == (1 + len(CLASSES), height, width)
    assert prediction.probabilities.dtype == prediction.confidence.dtype == np.float32
    np.testing.assert_allclose(prediction.probabilities.sum(axis=0), 1, rtol=1e-5)
    np.testing.assert_array_equal(prediction.probabilities.argmax(axis=0), prediction.mask)
    np.testing.assert_array_equal(prediction.probabilities.max(axis=0), prediction.confidence)


def test_an_image_that_stands_on_its_side_is_turned_upright(model, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (40, 20), "red").save(tmp_path / "a.jpg", exif=exif)
    segmenter = tag2mask.load_segmenter(model)
    with Image.open(tmp_path / "a.jpg") as image:
        for given in (image, tmp_path / "a.jpg"):
            assert segmenter.predict(given).mask.shape == (40, 20)


def test_images_that_cannot_be_read_are_named(model, tmp_path):
    segmenter = tag2mask.load_segmenter(model)
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(UserError, match=r"absent\.jpg"):
        segmenter.predict(tmp_path / "absent.jpg")
    with pytest.raises(UserError, match=r"text\.jpg: not an image"):
        segmenter.predict([tmp_path / "text.jpg"])
    with pytest.raises(UserError, match=r"\(H, W, 3\) uint8 RGB, not \(4, 4\) float32"):
        segmenter.predict(np.zeros((4, 4), np.float32))
    with pytest.raises(UserError, match="no model"):
        tag2mask.load_segmenter(tmp_path / "absent")
