"""The command line: bad input is one sentence, exit code 2, and nothing half written."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tag2mask.flows.commands.inspection import inspect
from tag2mask.flows.commands.masks import evaluate
from tag2mask.flows.commands.options import split_names
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.assessment import Assessment
from tag2mask.pipeline.records import palette
from tests.flows.conftest import REPOSITORY


@pytest.fixture
def images(tmp_path):
    """Two tagged images, as a folder of folders."""
    for name in ("cat", "dog"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        pixels = np.random.default_rng(len(name) + ord(name[0])).integers(0, 255, (40, 40, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "pictures" / name / "one.png")
    return tmp_path / "pictures"


@pytest.fixture
def listed(tmp_path):
    """A folder with a tags.csv that a test fills."""
    folder = tmp_path / "listed"
    folder.mkdir()
    Image.new("RGB", (40, 40), "red").save(folder / "one.png")

    def fill(text):
        (folder / "tags.csv").write_text(text)
        return folder

    return fill


def assert_one_sentence(outcome, *parts):
    code, out, err = outcome
    assert code == 2
    assert out == ""
    assert re.fullmatch(r"tag2mask: [^\n]+\n", err), err
    assert "Traceback" not in err
    for part in parts:
        assert part in err


def assert_nothing_written(out):
    assert not out.exists() or not any(out.iterdir())


@pytest.mark.usefixtures("prefect_server")
class TestLabel:
    @pytest.fixture
    def label(self, command, tmp_path):
        """Runs ``label`` into ``tmp_path/run`` and checks that nothing is there afterwards."""

        def run(source, *options):
            outcome = command(
                "label", source, "--out", tmp_path / "run", "--engine", "local", *options
            )
            assert_nothing_written(tmp_path / "run")
            return outcome

        return run

    def test_a_misspelt_class(self, label, images):
        outcome = label(images, "--classes", "cat,dgo")
        assert_one_sentence(outcome, "'dgo'", "did you mean 'dog'?")

    def test_no_class_at_all(self, label, images):
        assert_one_sentence(label(images, "--classes", ","), "class")

    def test_a_missing_column(self, label, listed):
        outcome = label(listed("file,labels\none.png,cat\n"))
        assert_one_sentence(outcome, "tags.csv", "no column 'tags'", "file, labels")

    def test_an_empty_list(self, label, listed):
        assert_one_sentence(label(listed("file,tags\n")), "empty")

    def test_an_empty_folder(self, label, tmp_path):
        (tmp_path / "empty").mkdir()
        assert_one_sentence(label(tmp_path / "empty"), str(tmp_path / "empty"), "looked for")

    def test_no_such_source(self, label, tmp_path):
        assert_one_sentence(label(tmp_path / "absent"), "absent")

    def test_a_split_that_the_source_does_not_have(self, label, listed):
        source = listed("file,tags,split\none.png,cat,val\n")
        assert_one_sentence(label(source), "'train'", "val")

    def test_no_image_can_be_read(self, label, listed):
        source = listed("file,tags\nabsent.png,cat\n")
        assert_one_sentence(label(source), "absent.png")

    @pytest.mark.parametrize(
        ("options", "parts"),
        [
            (["--set", "sed=1"], ["'sed'", "seed"]),
            (["--set", "tagger.training.steps=many"], ["'tagger.training.steps'"]),
            (["--set", "backbone.name=tiny"], ["'backbone'", "stride"]),
            (["--recipe", "absent.json"], ["absent.json"]),
            (["--workers", "0"], ["worker"]),
        ],
    )
    def test_wrong_options(self, label, images, options, parts):
        assert_one_sentence(label(images, *options), *parts)

    def test_an_unknown_engine(self, command, images, tmp_path):
        outcome = command("label", images, "--out", tmp_path / "run", "--engine", "spark")
        assert_one_sentence(outcome, "'spark'", "ray", "local")
        assert_nothing_written(tmp_path / "run")

    def test_a_target_that_cannot_be_written(self, command, images, tmp_path, monkeypatch):
        """It is known before the source is even listed."""
        (tmp_path / "file").write_text("kept")
        monkeypatch.setattr(
            "tag2mask.flows.label.open_source", lambda *_, **__: pytest.fail("read the source")
        )
        outcome = command("label", images, "--out", tmp_path / "file/run", "--engine", "local")
        assert_one_sentence(outcome, "cannot write", str(tmp_path / "file"))
        assert (tmp_path / "file").read_text() == "kept"

    def test_a_storage_that_is_unknown(self, command, images):
        outcome = command("label", images, "--out", "nowhere://bucket/run", "--engine", "local")
        assert_one_sentence(outcome, "nowhere")

    def test_no_image_can_be_decoded(self, command, listed, tmp_path):
        source = listed("file,tags\na.jpg,cat\nb.jpg,cat\n")
        for name in ("a.jpg", "b.jpg"):
            (source / name).write_bytes(name.encode())
        code, _, err = command(
            "label", source, "--out", tmp_path / "run", "--engine", "local", "--workers", "1"
        )
        assert code == 2
        last = err.strip().splitlines()[-1]
        assert last.startswith("tag2mask: the step 'images' failed on all of 2 images")
        assert not (tmp_path / "run/images").exists()


class TestSample:
    def test_it_writes_and_says_what(self, command, tmp_path):
        code, out, err = command("sample", tmp_path / "new", "--images", 10)
        assert (code, err) == (0, "")
        assert "10 images" in out
        assert len(list((tmp_path / "new/JPEGImages").iterdir())) == 10

    def test_a_target_that_cannot_be_written(self, command, tmp_path):
        (tmp_path / "file").write_text("kept")
        assert_one_sentence(command("sample", tmp_path / "file/new"), "file/new")
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    def test_a_folder_that_holds_something_else(self, command, tmp_path):
        (tmp_path / "mine.txt").write_text("kept")
        assert_one_sentence(command("sample", tmp_path), "not empty")
        assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

    def test_too_few_images(self, command, tmp_path):
        assert_one_sentence(command("sample", tmp_path / "new", "--images", 3), "at least 10")
        assert not (tmp_path / "new").exists()


class TestEvaluate:
    def test_no_masks(self, command, tmp_path):
        outcome = command("evaluate", tmp_path / "absent", "--truth", tmp_path)
        assert_one_sentence(outcome, "absent")

    def test_figures_that_cannot_be_written(self, command, tmp_path):
        (tmp_path / "file").write_text("kept")
        target = tmp_path / "file/figures.json"
        outcome = command("evaluate", tmp_path, "--ground-truth", tmp_path, "--json", target)
        assert_one_sentence(outcome, "cannot write")

    def test_masks_without_classes(self, command, tmp_path):
        Image.new("L", (4, 4)).save(tmp_path / "a.png")
        outcome = command("evaluate", tmp_path, "--truth", tmp_path)
        assert_one_sentence(outcome, "classes.txt")

    @pytest.mark.parametrize("names", ["", "cat\ncat\n"])
    def test_a_list_of_classes_that_is_none(self, command, tmp_path, names):
        Image.new("L", (4, 4)).save(tmp_path / "a.png")
        (tmp_path / "classes.txt").write_text(names)
        outcome = command("evaluate", tmp_path, "--truth", tmp_path)
        assert_one_sentence(outcome, "classes.txt")

    @pytest.mark.slow
    def test_a_dataset_against_its_ground_truth(self, command, finished, source, tmp_path):
        figures = tmp_path / "figures.json"
        code, out, err = command(
            "evaluate", finished.folder / "dataset", "--truth", source, "--json", figures
        )
        assert code == 0
        assert err.startswith("evaluate 32/32 images")
        lines = out.splitlines()
        assert lines[0].split()[:3] == ["IoU", "precision", "recall"]
        named = [line.split()[0] for line in lines[1:8]]
        assert named == ["background", "ball", "dice", "ring", "star", "tent", "mean"]
        mean = Assessment.model_validate_json(figures.read_bytes()).scores.mean_iou
        assert lines[7].split()[1] == f"{100 * mean:.1f}"

    @pytest.mark.slow
    def test_the_ground_truth_is_missing(self, command, finished, tmp_path):
        outcome = command("evaluate", finished.folder / "dataset", "--truth", tmp_path)
        assert_one_sentence(outcome, "no ground truth masks", "--ground-truth")
        outcome = command("evaluate", finished.folder / "dataset", "--truth", tmp_path / "absent")
        assert_one_sentence(outcome, "no ground truth masks")

    @pytest.mark.slow
    def test_a_table_without_masks(self, command, finished, source):
        outcome = command("evaluate", finished.folder / "images", "--truth", source)
        assert_one_sentence(outcome, "no masks")


class TestInspect:
    @pytest.fixture
    def page(self, tmp_path):
        return tmp_path / "pages/page.html"

    def test_no_dataset(self, command, tmp_path, page):
        outcome = command("inspect", tmp_path / "absent", "--out", page)
        assert_one_sentence(outcome, "no table at", "absent")
        assert not page.exists()

    def test_a_file_of_somebody_else_is_not_replaced(self, tmp_path):
        photo = tmp_path / "photo.jpg"
        photo.write_bytes(b"photo")
        with pytest.raises(UserError, match=r"photo\.jpg exists and is not a page of inspect"):
            inspect(str(tmp_path / "absent"), photo)
        with pytest.raises(UserError, match=r"photo\.jpg exists and is not a file of scores"):
            evaluate(str(tmp_path / "absent"), str(tmp_path), photo)
        assert photo.read_bytes() == b"photo"

    def test_a_page_that_cannot_be_written(self, tmp_path):
        (tmp_path / "file").write_text("kept")
        with pytest.raises(UserError, match="cannot write"):
            inspect(str(tmp_path / "absent"), tmp_path / "file/page.html")

    @pytest.mark.slow
    def test_a_finished_run(self, command, finished, source, page):
        dataset = finished.folder / "dataset"
        code, out, err = command("inspect", dataset, "--truth", source, "--out", page)
        assert code == 0
        assert err.startswith("inspect 32/32 images")
        assert out.startswith(f"{page}: ")
        assert b"mean IoU" in page.read_bytes()
        code, _, _ = command("inspect", dataset, "--out", page, "--examples", 1)
        assert code == 0
        assert b"mean IoU" not in page.read_bytes().partition(b"<main>")[0]

    @pytest.mark.slow
    def test_a_round_is_no_dataset(self, command, finished, page):
        outcome = command("inspect", finished.folder / "rounds/seed", "--out", page)
        assert_one_sentence(outcome, "no published dataset", "RUN/dataset")


class TestPredict:
    def test_no_model(self, command, images, tmp_path):
        out = tmp_path / "masks"
        outcome = command("predict", tmp_path / "absent", images / "cat", "--out", out)
        assert_one_sentence(outcome, "no model", "RUN/models/powerful")
        assert_nothing_written(out)

    @pytest.mark.slow
    def test_one_mask_for_each_image(self, command, finished, source, tmp_path):
        images = tmp_path / "images"
        images.mkdir()
        for number in range(3):
            shutil.copy(source / f"JPEGImages/{number:06d}.jpg", images / f"my {number}.v2.jpg")
        shutil.copy(source / "JPEGImages/text.jpg", images)
        out = tmp_path / "masks"
        model = finished.folder / "models/powerful"
        code, said, err = command("predict", model, images, "--out", out)
        assert code == 0
        assert "3 masks" in said
        progress, failed = err.splitlines()
        assert progress.startswith("predict 4/4 images")
        assert failed.startswith("not predicted: text.jpg: ")
        masks = sorted(path.name for path in out.glob("*.png"))
        assert masks == [f"my {number}.v2.png" for number in range(3)]
        for name in masks:
            with (
                Image.open(out / name) as mask,
                Image.open(images / name.replace(".png", ".jpg")) as image,
            ):
                assert mask.mode == "P"
                assert mask.size == image.size
                assert bytes(mask.getpalette("RGB"))[:18] == palette()[:18]
                assert set(np.unique(np.array(mask)).tolist()) <= set(range(6))

    @pytest.mark.slow
    def test_predictions_can_be_evaluated(self, command, finished, source, tmp_path):
        out = tmp_path / "masks"
        images = tmp_path / "images"
        images.mkdir()
        shutil.copy(source / "JPEGImages/000004.jpg", images)
        command("predict", finished.folder / "models/powerful", images, "--out", out)
        code, table, _ = command("evaluate", out, "--truth", source)
        assert code == 0
        assert "1 images" in table

    @pytest.mark.slow
    def test_wrong_input(self, command, finished, images, tmp_path):
        models, out = finished.folder / "models", tmp_path / "masks"
        (tmp_path / "file").write_text("kept")
        (tmp_path / "empty").mkdir()
        cats = images / "cat"
        for model, folder, target, parts in (
            (models / "tagger", cats, out, ["a tagger, not a segmenter"]),
            (models / "powerful", tmp_path / "absent", out, ["absent"]),
            (models / "powerful", tmp_path / "empty", out, ["no images", "empty"]),
            (models / "powerful", cats, tmp_path / "file/masks", ["cannot write"]),
            (models / "powerful", cats, cats, ["another --out"]),
        ):
            outcome = command("predict", model, folder, "--out", target)
            assert_one_sentence(outcome, *parts)
            assert_nothing_written(out)
        assert [path.name for path in cats.iterdir()] == ["one.png"]


def test_an_unknown_benchmark(command, tmp_path):
    outcome = command("benchmark", "stairs", tmp_path, "--out", tmp_path / "out")
    assert_one_sentence(outcome, "'stairs'", "ladder")
    assert_nothing_written(tmp_path / "out")


def test_masks_are_compared_by_the_recipe_of_their_ladder(command, tmp_path):
    out = tmp_path / "out"
    outcome = command("benchmark", "masks", tmp_path, "--out", out, "--set", "negatives=0")
    assert_one_sentence(outcome, "recipe of the ladder", "--set")
    assert_nothing_written(out)


@pytest.mark.parametrize(
    "arguments",
    [
        ["label", "somewhere"],
        ["label", "somewhere", "--out", "x", "--workers", "two"],
        ["nonsense"],
        ["evaluate"],
    ],
)
def test_wrong_usage_ends_with_two(command, arguments):
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert "Usage" in err


def test_help_names_every_command(command):
    code, out, _ = command("--help")
    assert code == 0
    for name in ("demo", "sample", "label", "evaluate", "inspect", "predict", "benchmark"):
        assert name in out


@pytest.mark.parametrize(
    ("text", "names"), [(None, None), ("a,b", ["a", "b"]), (" a , b c,", ["a", "b c"])]
)
def test_lists_of_names(text, names):
    assert split_names(text) == names


def test_names_of_a_file_may_have_commas(tmp_path):
    (tmp_path / "classes.txt").write_text("\ufeffhorse, brown\n\n cat \ndog\n", encoding="utf-8")
    file = tmp_path / "classes.txt"
    assert split_names(None, None, file) == ["horse, brown", "cat", "dog"]
    assert split_names("dog,cow", ["a, b"], file) == ["dog", "cow", "a, b", "horse, brown", "cat"]
    with pytest.raises(UserError, match=r"cannot read the class names in .*absent"):
        split_names(None, None, tmp_path / "absent")


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_the_whole_process_says_one_sentence(tmp_path, images):
    """With the embedded server of Prefect, on a machine where nothing is set up."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "DO_NOT_TRACK"))
    }
    environment |= {"PREFECT_HOME": str(tmp_path / "prefect"), "OMP_NUM_THREADS": "1"}
    options = ["--classes", "cat,dgo", "--engine", "local"]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tag2mask.flows.cli",
            "label",
            images,
            "--out",
            tmp_path / "run",
            *options,
        ],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert_one_sentence((done.returncode, done.stdout, done.stderr), "did you mean 'dog'?")
    assert_nothing_written(tmp_path / "run")
