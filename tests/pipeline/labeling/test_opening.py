"""The opening of a run: what is left out by name, the steps, and a cheap estimate."""

import re
import shutil

import pytest
import torch

from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.labeling import estimate as estimates
from tag2mask.pipeline.labeling.dry_run import all_steps
from tag2mask.pipeline.labeling.estimate import estimate, look_at
from tag2mask.pipeline.labeling.incremental import Change, Work
from tag2mask.pipeline.labeling.opening import outlook
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.sources import open_source
from tests.pipeline.toys import CLASSES, SilentReporter, image_row, tiny_recipe

COUNT = 9


@pytest.fixture
def folder(tmp_path):
    """Nine tagged images in folders; a copy, an empty file and a text file are among them."""
    for number in range(COUNT):
        place = tmp_path / "photos" / CLASSES[number % 3]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").write_bytes(image_row(number, (1,))["image"]["bytes"])
    place = tmp_path / "photos" / CLASSES[0]
    shutil.copy(place / "0.png", place / "copy.png")
    (place / "empty.png").write_bytes(b"")
    (place / "notes.txt").write_text("no image")
    return tmp_path / "photos"


@pytest.fixture
def images(folder):
    return ingest(open_source(str(folder)))


@pytest.fixture
def run(tmp_path):
    return Run(str(tmp_path / "run"), tiny_recipe(), LocalEngine(1), SilentReporter())


def test_what_is_left_out_has_names(images):
    counts, *lines = images.accounts()
    assert counts == f"{COUNT + 2} images: {COUNT} to decode, 1 the same as another, 1 unreadable"
    assert lines == [
        "  1 the same as another: cat/copy.png (as cat/0.png)",
        "  1 unreadable: cat/empty.png (empty file)",
    ]
    assert any("notes.txt" in line for line in images.opening())


def test_the_counts_at_the_end_are_those_of_the_start(images):
    """What cannot be decoded moves from one count to another; the sum stays."""
    after = images.counts.after_decoding(errors=3)
    assert after.images == images.counts.images == COUNT + 2
    assert after.kept + after.errors == images.counts.kept + images.counts.errors


def test_only_the_first_names_are_shown(folder):
    for number in range(7):
        shutil.copy(folder / "cat/0.png", folder / f"dog/again{number}.png")
    lines = ingest(open_source(str(folder)), ["dog"]).accounts()
    (skipped,) = [line for line in lines if "without a wanted tag" in line and ":" in line][1:]
    assert re.search(r": bird/2\.png, bird/5\.png, .* and \d+ more$", skipped)
    assert skipped.count(",") == 4


def test_images_of_another_split_have_names(tmp_path):
    (tmp_path / "tags.csv").write_text("file,tags,split\na.png,cat,train\nb.png,cat,val\n")
    for number, name in enumerate("ab"):
        (tmp_path / f"{name}.png").write_bytes(image_row(number, (1,))["image"]["bytes"])
    assert (
        "  1 of another split: b.png"
        in ingest(open_source(str(tmp_path)), split="train").accounts()
    )


def test_the_outlook_names_steps_time_and_space(run, images):
    steps, cost = outlook(run, Change(Work.EVERYTHING, "", images), 2)
    assert steps.startswith(f"steps: images ({COUNT + 1} images), train tagger (")
    assert steps.endswith("dataset (9 images)")
    assert re.fullmatch(
        r"estimate: about .+ on this machine with 2 workers, and \d+ MiB of disk; a rough guess, "
        r"label --dry-run measures the steps",
        cost,
    )


def test_a_cluster_has_a_time_of_its_own(run, images, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert outlook(run, Change(Work.EVERYTHING, "", images), 2)[1].endswith(
        "of disk; the time depends on the cluster"
    )


def test_nothing_to_do_has_no_outlook(run, images):
    assert outlook(run, Change(Work.NOTHING, "", images), 2) == []


def test_finished_steps_are_not_counted(run, images):
    run.make_images(images)
    steps, _ = outlook(run, Change(Work.EVERYTHING, "", images), 2)
    assert steps.startswith("steps: train tagger")
    assert steps.endswith("; 1 more are finished")


def test_the_outlook_writes_nothing_and_draws_nothing(run, images, tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    outlook(run, Change(Work.EVERYTHING, "", images), 2)
    assert torch.equal(torch.rand(2), expected)
    assert not list((tmp_path / "run").rglob("*"))


def test_few_images_are_looked_at(images, monkeypatch):
    read = []
    source = type(images.source).read
    monkeypatch.setattr(
        type(images.source), "read", lambda self, at: read.append(at) or source(self, at)
    )
    monkeypatch.setattr(estimates, "LOOKED_AT", 4)
    look = look_at(images)
    assert len(read) == 4
    sizes = [len(images.source.read(address)) for address in read[:4]]
    assert look.bytes == pytest.approx(sum(sizes) / 4)
    assert look.megapixels > 0


def test_costs_grow_with_the_work(images, tmp_path):
    """More in a batch, larger crops and more classes of a slower CRF cost more."""
    small = tiny_recipe()
    training = small.segmenter.training
    changes = {"batch": training.batch * 2, "crop": training.crop * 2}
    segmenter = small.segmenter.model_copy(update={"training": training.model_copy(update=changes)})
    large = small.model_copy(update={"segmenter": segmenter})
    uri = str(tmp_path)
    found = []
    for recipe in (small, large):
        steps = all_steps(images, recipe)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(estimates, "pass_seconds", lambda *_: (0.5, 1000))
            found.append(estimate(images, recipe, uri, steps))
    one, other = (costs.seconds["initial", "steps"] for costs in found)
    assert other == pytest.approx(8 * one)
    assert all(seconds > 0 for costs in found for seconds in costs.seconds.values())
