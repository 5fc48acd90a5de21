"""Later runs: only what is new is read and labeled, and a kill between two tables is fixed."""

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch

from tag2mask.pipeline.correction.corrections import add_corrections
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.labeling.incremental import (
    Work,
    add_images,
    add_masks,
    add_to_dataset,
    find_change,
)
from tag2mask.pipeline.labeling.last_version import find_finished
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.rounds import Round
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.sources import open_source
from tag2mask.pipeline.stages.decode import Decode
from tag2mask.pipeline.stages.relabel import Relabel
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.tables.versions import prune
from tests.pipeline.toys import (
    CLASSES,
    SilentReporter,
    image_row,
    round_table,
    tags_of,
    tiny_recipe,
)

FIRST, NEW = 8, 3
RECIPE = tiny_recipe("segmenter.from_tagger=false", "segmenter.training.steps=1")


@pytest.fixture(autouse=True)
def _normal_floats():
    yield
    torch.set_flush_denormal(False)


def add_new_images(folder: Path, numbers, tags=tags_of):
    """Toy images and their line in the list of tags."""
    folder.mkdir(exist_ok=True)
    listed = folder / "tags.csv"
    if not listed.exists():
        listed.write_text("file,tags\n")
    for number in numbers:
        names = "|".join(CLASSES[tag - 1] for tag in tags(number))
        (folder / f"{number}.png").write_bytes(image_row(number, tags(number))["image"]["bytes"])
        with listed.open("a") as table:
            table.write(f"{number}.png,{names}\n")


@dataclasses.dataclass
class Place:
    """A source and a run on it."""

    source: Path
    run: Run

    def change(self, classes=CLASSES, **wishes):
        return find_change(self.run, open_source(str(self.source)), classes, **wishes)

    def label_all(self):
        """A stand-in for the whole loop: one segmenter, trained on ground truth masks."""
        images = self.run.make_images(ingest(open_source(str(self.source)), CLASSES))
        toy = round_table(f"{self.run.uri}/toy", images, changes={})
        self.run.train_segmenter(Round("powerful"), images, toy)
        return release(self.run, images, self.run.relabel(Round("powerful"), images))

    def label_new(self, change):
        images = add_images(self.run, change)
        return add_to_dataset(self.run, images, add_masks(self.run, images))

    def table(self, name):
        return Table.open(self.run.table_uri(name))


def run_at(root, recipe=RECIPE):
    return Run(str(root), recipe, LocalEngine(1), SilentReporter())


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """A finished version, and a source that has grown since."""
    folder = tmp_path_factory.mktemp("incremental")
    found = Place(folder / "source", run_at(folder / "run"))
    add_new_images(found.source, range(FIRST))
    found.label_all()
    add_new_images(found.source, range(FIRST, FIRST + NEW))
    return folder


@pytest.fixture
def place(template, tmp_path):
    """A copy of it."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return Place(tmp_path / "source", run_at(tmp_path / "run"))


@pytest.fixture
def seen(monkeypatch):
    """How many images are decoded, and how many labeled."""
    counts = {"decoded": 0, "labeled": 0}

    def counted(stage, name):
        call = stage.__call__

        def wrapped(self, rows):
            counts[name] += len(rows)
            return call(self, rows)

        monkeypatch.setattr(stage, "__call__", wrapped)

    counted(Decode, "decoded")
    counted(Relabel, "labeled")
    return counts


def test_only_what_is_new_is_read_and_labeled(place, seen):
    change = place.change()
    assert change.work is Work.ADDITION
    assert len(change.new) == NEW
    first = place.table("dataset")
    second = place.label_new(change)
    assert seen == {"decoded": NEW, "labeled": NEW}
    assert second.manifest.revision == 2
    assert len(second) == FIRST + NEW
    assert len(set(second.ids())) == FIRST + NEW
    assert set(first.manifest.parts) < set(second.manifest.parts)
    assert len(Table.open(second.uri, revision=1)) == FIRST


def test_the_masks_are_those_that_the_same_model_makes_of_everything(place):
    """Whether an image comes today or tomorrow."""
    dataset = place.label_new(place.change())
    images = place.run.make_images(ingest(open_source(str(place.source)), CLASSES))
    at_once = release(place.run, images, place.run.relabel(Round("powerful"), images))
    assert at_once.manifest.revision == 3
    assert at_once.fingerprint == dataset.fingerprint


def test_nothing_new_commits_nothing(place, seen):
    before = place.label_new(place.change())
    seen.update(decoded=0, labeled=0)
    change = place.change()
    assert change.work is Work.NOTHING
    assert change.sentence() == "nothing new in the source since version 2"
    after = place.label_new(change)
    assert after.manifest == before.manifest
    assert seen == {"decoded": 0, "labeled": 0}


def test_images_with_other_tags_alone_are_nothing_new(place, seen):
    place.label_new(place.change())
    for number in (900, 901):
        (place.source / f"{number}.png").write_bytes(image_row(number, [1])["image"]["bytes"])
        with (place.source / "tags.csv").open("a") as table:
            table.write(f"{number}.png,lighthouse\n")
    change = place.change()
    assert change.images.counts.negatives == 2
    assert (change.work, change.new, change.gone) == (Work.NOTHING, (), 0)


def test_corrected_masks_begin_a_new_training(place, seen):
    images, masks = place.table("images"), place.table("dataset")
    (row, *_) = masks.rows(["id", "mask", "classes", "tags"])
    add_corrections(place.run.table_uri("corrections"), images, [{**row, "source": "human"}])
    change = place.change()
    assert change.work is Work.EVERYTHING
    assert change.sentence() == "masks were corrected since version 1"
    dataset = place.label_all()
    assert [r["source"] for r in dataset.rows() if r["id"] == row["id"]] == ["human"]
    seen.update(decoded=0, labeled=0)
    assert place.change().work is Work.NOTHING
    add_new_images(place.source, range(20, 20 + NEW))
    assert place.change().work is Work.ADDITION
    assert len(place.label_new(place.change())) == FIRST + 2 * NEW


@pytest.mark.parametrize("steps", [1, 2])
def test_a_kill_between_two_tables_is_fixed(place, seen, steps):
    """Also when more images have come in the meantime."""
    images = add_images(place.run, place.change())
    if steps == 2:
        add_masks(place.run, images)
    add_new_images(place.source, [FIRST + NEW])
    change = place.change()
    assert change.work is Work.ADDITION
    assert len(change.new) == 1
    dataset = place.label_new(change)
    assert sorted(dataset.ids()) == sorted(place.table("images").ids())
    assert len(set(dataset.ids())) == len(dataset) == FIRST + NEW + 1
    assert seen == {"decoded": NEW + 1, "labeled": NEW + 1}
    assert dataset.manifest.revision == 2


def test_images_that_are_gone_or_retagged_keep_their_rows(place):
    dataset = place.label_new(place.change())
    lines = (place.source / "tags.csv").read_text().splitlines()
    lines[2] = "1.png,bird"
    del lines[1]
    (place.source / "tags.csv").write_text("\n".join(lines))
    change = place.change()
    assert change.work is Work.NOTHING
    assert (change.gone, change.retagged) == (1, 1)
    assert "1 no longer in the source" in change.sentence()
    assert place.label_new(change).manifest == dataset.manifest
    again = place.change(retrain=True)
    assert again.work is Work.EVERYTHING
    assert len(again.images.images) == FIRST + NEW - 1


def test_training_begins_again_after_a_share_of_new_images(place):
    assert place.change(share=0.376).work is Work.ADDITION
    change = place.change(share=0.375)
    assert change.work is Work.EVERYTHING
    assert change.sentence().startswith("38% as many")
    place.label_new(place.change())
    add_new_images(place.source, [FIRST + NEW])
    assert place.change(share=0.51).work is Work.ADDITION, "4 of 8"
    assert place.change(share=0.5).work is Work.EVERYTHING


def test_training_begins_again_when_asked(place):
    assert place.change(retrain=True).work is Work.EVERYTHING
    dataset = place.label_all()
    assert dataset.manifest.revision == 2
    assert len(dataset) == FIRST + NEW
    assert place.change().work is Work.NOTHING


@pytest.mark.parametrize(
    "changes", [["seed=1"], ["relabel.size=96"], ["select.tag_area=0.5"], ["split=dev"]]
)
def test_another_recipe_is_no_addition(place, changes):
    others = ["segmenter.from_tagger=false", "segmenter.training.steps=1"]
    place.run = run_at(place.run.uri, tiny_recipe(*others, *changes))
    assert find_finished(place.run) is None
    assert place.change().work is Work.EVERYTHING


def test_other_classes_are_no_addition(place):
    assert place.change(classes=["cat", "dog"]).work is Work.EVERYTHING


def test_a_tag_that_the_model_does_not_know_waits_for_a_training(place):
    """Images with another, known tag are labeled with it."""
    add_new_images(place.source, [20, 21])
    text = (place.source / "tags.csv").read_text()
    text = text.replace("20.png,bird", "20.png,bird|zebra").replace("21.png,cat", "21.png,zebra")
    (place.source / "tags.csv").write_text(text)
    change = place.change(classes=None)
    assert change.work is Work.ADDITION
    assert len(change.new) == NEW + 1
    assert change.images.classes.names == CLASSES
    assert change.images.counts.other_tags == 1
    assert place.change(classes=None, retrain=True).images.classes.names[-1] == "zebra"


def test_a_training_that_was_killed_is_no_version_to_add_to(place):
    """Its images have replaced those that the last masks were made of."""
    place.label_new(place.change())
    place.run.make_images(place.change(retrain=True).images)
    assert place.change().work is Work.EVERYTHING


def test_masks_of_another_model_are_no_version_to_add_to(place):
    images = place.table("images")
    other = run_at(place.run.uri, tiny_recipe("seed=7", "segmenter.from_tagger=false"))
    other.train_segmenter(Round("powerful"), images, Table.open(f"{place.run.uri}/toy/toy"))
    assert place.change().work is Work.EVERYTHING


def test_new_images_of_which_none_can_be_read_are_said(place):
    (place.source / "a.png").write_bytes(b"no image")
    text = (place.source / "tags.csv").read_text().splitlines()[: FIRST + 1]
    (place.source / "tags.csv").write_text("\n".join([*text, "a.png,cat"]))
    before = place.table("dataset")
    dataset = place.label_new(place.change())
    assert dataset.manifest == before.manifest, "nothing was kept, nothing is committed"
    assert any("images: 1 of 1 failed" in sentence for sentence in place.run.reporter.said)
    assert len(place.table("images")) == FIRST + 1
    assert place.change().work is Work.NOTHING


def test_a_damaged_part(place):
    part = place.table("dataset").files[0]
    whole = Path(part).read_bytes()
    Path(part).write_bytes(whole[:-9])
    assert place.change().work is Work.EVERYTHING, "the same steps make it again"
    Path(part).write_bytes(whole)
    place.label_new(place.change())
    Path(part).write_bytes(whole[:-9])
    with pytest.raises(UserError, match=r"cut short, and it has grown.*--retrain"):
        place.change()


def test_pruned_versions_do_not_matter(place):
    place.label_new(place.change())
    prune(place.run.table_uri("dataset"), 1)
    assert place.change().work is Work.NOTHING
    place.table("dataset").verify()
