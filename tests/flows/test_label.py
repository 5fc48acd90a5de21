"""The flow ``label``: a run from tagged images to a dataset, and what it leaves behind."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tag2mask.flows.label import label
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.recipe import AffinitySettings
from tag2mask.pipeline.records import IGNORE, decode_mask
from tag2mask.pipeline.synthetic.images import write_sample
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.model_store import load_model, read_card
from tests.written import written

# The run is made while the first of these tests waits for it.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROUNDS = ("seed", "initial", "enhanced", "powerful")


def table(finished, name):
    return Table.open(f"{finished.folder}/{name}")


def train_images(source):
    """Tags of the images of the train split, by the file's stem."""
    with (source / "tags.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    return {Path(row["file"]).stem: row["tags"].split("|") for row in rows}


def test_the_folder_of_a_run(finished):
    names = {path.name for path in finished.folder.iterdir() if not path.name.startswith(".")}
    assert names == {
        "images",
        "rounds",
        "models",
        "dataset",
        "run.json",
        "ladder.json",
        "contact_sheet.png",
    }
    assert {path.name for path in (finished.folder / "rounds").iterdir()} == set(ROUNDS)
    assert {path.name for path in (finished.folder / "models").iterdir()} == {
        "tagger",
        "initial",
        "enhanced",
        "powerful",
    }
    staged = [path for path in (finished.folder / ".staging").rglob("*") if path.is_file()]
    assert staged == []


def test_every_image_of_the_split_is_in_the_images(finished, source):
    """Also those that could not be read, with the reason."""
    images = list(table(finished, "images").rows())
    expected = train_images(source)
    assert len(images) == len(expected)
    broken = [row for row in images if row["error"]]
    assert len(broken) == 2
    assert sorted(Path(row["error"].split(":")[0]).stem for row in broken) == ["cut", "text"]
    assert all(row["image"] is None for row in broken)
    names = table(finished, "images").metadata["classes"]
    for row in images:
        if not row["error"]:
            stem = Path(row["image"]["path"]).stem
            assert [names[tag - 1] for tag in row["tags"]] == sorted(expected[stem])


@pytest.mark.parametrize("name", [f"rounds/{name}" for name in ROUNDS] + ["dataset"])
def test_masks_hold_tags_background_and_ignore_alone(finished, name):
    tags = {row["id"]: row["tags"] for row in table(finished, "images").rows(["id", "tags"])}
    ids = table(finished, name).ids()
    assert len(ids) == len(set(ids)) > 10
    for row in table(finished, name).rows(["id", "mask"]):
        values = set(np.unique(decode_mask(row["mask"]["bytes"])).tolist())
        assert values <= {0, IGNORE, *tags[row["id"]]}


def test_rounds_hold_the_images_of_their_stage(finished):
    images = list(table(finished, "images").rows(["id", "tags", "error"]))
    sound = {row["id"] for row in images if not row["error"]}
    simple = {row["id"] for row in images if not row["error"] and len(row["tags"]) == 1}
    assert set(table(finished, "rounds/seed").ids()) == simple
    assert set(table(finished, "rounds/initial").ids()) == simple
    assert set(table(finished, "rounds/enhanced").ids()) == sound
    assert set(table(finished, "rounds/powerful").ids()) == sound
    assert set(table(finished, "dataset").ids()) == sound


def test_run_json_says_what_was_done(finished, recipe):
    run = json.loads((finished.folder / "run.json").read_text())
    assert run["recipe"] == recipe.model_dump(mode="json")
    assert run["fingerprint"] == table(finished, "dataset").fingerprint
    assert run["counts"]["errors"] == 2
    assert run["counts"]["kept"] == run["published"] == len(table(finished, "dataset"))
    assert run["versions"]["torch"]
    assert [step["name"] for step in run["ladder"]] == list(ROUNDS)
    assert all(0 < step["pseudo_label_miou_seeded"] < 1 for step in run["ladder"])
    assert set(run["models"]) == {"tagger", "initial", "enhanced", "powerful"}


def test_the_last_word(finished):
    """Ladder, counts, fingerprint and paths; the unreadable images are counted."""
    assert "2 unreadable" in finished.summary
    assert table(finished, "dataset").fingerprint in finished.summary
    for name in ("powerful", "dataset", "contact_sheet.png"):
        assert str(finished.folder) in finished.summary
        assert name in finished.summary


def test_the_contact_sheet_is_a_image(finished):
    with Image.open(finished.folder / "contact_sheet.png") as sheet:
        assert min(sheet.size) > 300


def test_models_can_be_loaded(finished):
    for name in ("initial", "enhanced", "powerful"):
        load_model(f"{finished.folder}/models/{name}", "segmenter")
    load_model(f"{finished.folder}/models/tagger", "tagger")
    last = {row["model"] for row in table(finished, "dataset").rows(["model"])}
    assert last == {read_card(f"{finished.folder}/models/powerful").weights}


def test_ground_truth_masks_change_nothing(finished, source, recipe, tmp_path, caplog):
    """Labeling reads tags only: with useless ground truth the run is the same, and ends well."""
    other = tmp_path / "other"
    shutil.copytree(source / "JPEGImages", other / "JPEGImages")
    shutil.copy(source / "tags.csv", other)
    (other / "SegmentationClass").mkdir()
    for path in (source / "SegmentationClass").iterdir():
        Image.new("L", (5, 5)).save(other / "SegmentationClass" / path.name)
    shutil.copy(source / "classes.txt", other)
    with caplog.at_level("INFO", logger="tag2mask"):
        summary = str(label(str(other), str(tmp_path / "run"), recipe, None, "local", 2))
    assert "the ground truth masks beside the source are ignored" in caplog.text
    assert "no ground truth masks" in summary
    made = Table.open(str(tmp_path / "run/dataset"))
    assert made.fingerprint == table(finished, "dataset").fingerprint


def test_another_source_is_refused_or_replaces_the_run(finished, recipe, tmp_path):
    """The dataset gets a next version; the one before stays readable."""
    write_sample(tmp_path / "other", 30, seed=5)
    run = shutil.copytree(finished.folder, tmp_path / "run")
    before = written(run)
    with pytest.raises(UserError, match=f"{run} belongs to the source .*--force"):
        label(str(tmp_path / "other"), str(run), recipe, None, "local", 1)
    with pytest.raises(UserError, match="to the classes ball, dice, ring, star, tent, not to ball"):
        label(str(tmp_path / "other"), str(run), recipe, ["ball"], "local", 1)
    assert written(run) == before
    result = label(str(tmp_path / "other"), str(run), recipe, None, "local", 1, force=True)
    assert result.version == 2
    assert result.dataset == f"{run}/dataset"
    assert f"{run}/models/powerful" in result.summary
    dataset = Table.open(result.dataset)
    assert set(dataset.ids()) <= set(Table.open(f"{run}/images").ids())
    first = Table.open(result.dataset, revision=1)
    assert first.fingerprint == table(finished, "dataset").fingerprint
    again = label(str(tmp_path / "other"), str(run), recipe, None, "local", 1)
    assert str(again).startswith("nothing new in the source since version 2")
    assert {path.name for path in run.iterdir()} >= {".source.json"}
    assert not (run / ".replacement").exists()


def test_a_finished_run_computes_nothing_again(finished, source, recipe):
    def state():
        parts = ("images", "rounds", "models", "dataset")
        return [written(finished.folder / part) for part in parts]

    before = state()
    summary = str(label(str(source), str(finished.folder), recipe, None, "local", 1))
    assert state() == before
    assert summary == f"nothing new in the source since version 1\n\n{finished.summary}"


def test_a_recipe_that_walks_has_one_round_more(source, recipe, prefect_server, tmp_path):
    del prefect_server
    settings = {"size": 64, "training": recipe.tagger.training.model_copy(update={"steps": 2})}
    walking = recipe.model_copy(update={"affinity": AffinitySettings(**settings)})
    summary = str(label(str(source), str(tmp_path), walking, None, "local", 1))
    rounds = ["seed", "affinity", *ROUNDS[1:]]
    assert {path.name for path in (tmp_path / "rounds").iterdir()} == set(rounds)
    assert "affinity" in summary
    dataset = Table.open(f"{tmp_path}/dataset")
    assert [made["name"] for made in dataset.metadata["rounds"]] == rounds
    card = read_card(f"{tmp_path}/models/affinity")
    assert {row["model"] for row in Table.open(f"{tmp_path}/rounds/affinity").rows()} == {
        card.weights
    }
