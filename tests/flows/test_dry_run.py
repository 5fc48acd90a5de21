"""``label --dry-run``: the steps of a run before it, during it and after it; nothing is written."""

from __future__ import annotations

import hashlib
import re
import shutil

import pytest

from tag2mask.flows.dry_run import dry_run
from tag2mask.pipeline.progress import SILENT
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.model_store import read_card

pytestmark = pytest.mark.slow


def files(folder):
    """The bytes of all files below a folder."""
    return {
        path: hashlib.sha256(path.read_bytes()).digest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def planned(source, out, recipe):
    return dry_run(
        str(source), str(out), recipe, None, 2, False, 0.2, source_kind=None, reporter=SILENT
    )


@pytest.fixture
def run(finished, tmp_path):
    """A copy of the finished run."""
    return shutil.copytree(finished.folder, tmp_path / "run")


def test_a_new_run(source, recipe, tmp_path, finished):
    found = planned(source, tmp_path / "new", recipe)
    assert not (tmp_path / "new").exists()
    assert not any(step.done for step in found.steps)
    assert all(seconds > 0 for seconds in found.seconds)
    assert found.bytes > 0
    counts = {(step.name, step.unit): step.count for step in found.steps}
    # The largest possible numbers; the source has images that cannot be read.
    for name in ("seed", "initial", "enhanced", "powerful"):
        assert len(Table.open(f"{finished.folder}/rounds/{name}")) <= counts[name, "images"]
    for name in ("tagger", "initial", "enhanced", "powerful"):
        steps = read_card(f"{finished.folder}/models/{name}").training["steps"]
        assert steps == counts[name, "steps"]
    assert len(Table.open(f"{finished.folder}/images")) == counts["images", "images"]


def test_a_finished_run(source, recipe, finished):
    before = files(finished.folder)
    found = planned(source, finished.folder, recipe)
    assert not found.steps
    assert str(found).endswith("nothing new in the source since version 1\nnothing to do")
    assert files(finished.folder) == before


def test_a_run_that_was_stopped(source, recipe, run):
    shutil.rmtree(run / "rounds/enhanced")
    shutil.rmtree(run / "dataset")
    before = files(run)
    found = planned(source, run, recipe)
    state = {step.title: step.finished for step in found.steps}
    assert list(state) == [
        "images",
        "train tagger",
        "seed",
        "train initial",
        "initial",
        "train enhanced",
        "enhanced",
        "train powerful",
        "powerful",
        "dataset",
    ]
    # The masks of the last round are there, but they follow from masks that are made again.
    assert [title for title, finished in state.items() if not finished] == list(state)[6:]
    assert files(run) == before
    assert re.search(r"^seed +\d+ images +finished$", str(found), re.MULTILINE)
    assert re.search(r"^enhanced +\d+ images +to do +\d+ s$", str(found), re.MULTILINE)


def test_another_recipe(source, recipe, run):
    found = planned(source, run, recipe.model_copy(update={"missing_tag_area": 0.2}))
    state = {step.title: step.finished for step in found.steps}
    assert state["train initial"]
    assert not state["initial"]


def test_the_command(source, recipe_file, tmp_path, command):
    out = tmp_path / "new"
    code, text, err = command("label", source, "--out", out, "--recipe", recipe_file, "--dry-run")
    assert code == 0
    assert "nothing was written" in text
    assert "timed on a few images" in err
    assert not out.exists()
