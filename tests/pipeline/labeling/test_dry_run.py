"""The plan of a run from the numbers of its source, and the estimate of its time."""

from __future__ import annotations

import pytest

from tag2mask.pipeline.ingestion.counts import IngestCounts
from tag2mask.pipeline.ingestion.ingest import Image, Ingest
from tag2mask.pipeline.labeling.dry_run import PlannedStep, all_steps, plan
from tag2mask.pipeline.labeling.incremental import Change, Work
from tag2mask.pipeline.labeling.trial import Costs, short_recipe
from tag2mask.pipeline.records import ClassTable, image_id
from tag2mask.pipeline.sources import open_source
from tests.pipeline.toys import tiny_recipe

# Ten images of class 1, two of class 2, three of both, four negatives, one unreadable.
TAGS = [(1,)] * 10 + [(2,)] * 2 + [(1, 2)] * 3 + [()] * 4


@pytest.fixture
def ingest(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat/a.jpg").write_bytes(b"")
    images = [
        Image(image_id(bytes([n])), f"{n}.jpg", f"{n}.jpg", tags) for n, tags in enumerate(TAGS)
    ]
    images.append(Image(image_id(b"broken"), "broken.jpg", "broken.jpg", (1,), "not an image"))
    counts = IngestCounts(
        images=20, other_split=0, other_tags=0, tags_dropped=0, duplicates=0, errors=1, kept=15
    )
    classes = ClassTable(names=("cat", "dog"))
    return Ingest(open_source(str(tmp_path)), classes, counts, tuple(images))


def counts(steps):
    return {step.title: step.count for step in steps}


def test_every_step_with_its_number(ingest):
    recipe = tiny_recipe("tagger.held_out=0", "negatives=0.5", "seeds.images_per_class=5")
    assert counts(all_steps(ingest, recipe)) == {
        "images": 20,
        "train tagger": 4,
        "seed": 7,
        "train initial": 4,
        "initial": 12,
        "train enhanced": 4,
        "enhanced": 15,
        "train powerful": 4,
        "powerful": 15,
        "dataset": 15,
    }


def test_the_schedule_follows_from_the_samples(ingest):
    change = '{"steps": 100, "batch": 4, "crop": 64, "max_epochs": 4, "min_steps": 2, "warmup": 1}'
    recipe = tiny_recipe(f"segmenter.training={change}", "negatives=0.5")
    found = counts(all_steps(ingest, recipe))
    # Seeds of 12 images and 4 negatives, four epochs in batches of four.
    assert found["train initial"] == 16
    # Masks of 15 images and 4 negatives.
    assert found["train powerful"] == 19


def test_the_random_walk_adds_two_steps(ingest):
    walk = 'affinity={"size": 64, "training": {"steps": 2, "batch": 4, "crop": 64}}'
    found = counts(all_steps(ingest, tiny_recipe(walk)))
    assert list(found)[2:5] == ["seed", "train affinity", "affinity"]
    assert (found["train affinity"], found["affinity"]) == (2, 12)


def test_an_addition_labels_the_new_images(ingest):
    change = Change(Work.ADDITION, "2 images are new", ingest, new=ingest.images[:2])
    assert counts(plan(change, "nowhere", tiny_recipe())) == {
        "images": 2,
        "powerful": 2,
        "dataset": 2,
    }


def test_nothing_to_do(ingest):
    assert plan(Change(Work.NOTHING, "nothing new", ingest), "nowhere", tiny_recipe()) == []


def test_images_are_shared_by_the_workers_and_trainings_are_not(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    costs = Costs({("seed", "images"): 0.5, ("initial", "steps"): 2.0})
    assert costs.seconds_of(PlannedStep("seed", "images", 100, done=20), workers=2) == 20
    assert costs.seconds_of(PlannedStep("seed", "images", 100), workers=8) == 25
    assert costs.seconds_of(PlannedStep("initial", "steps", 10), workers=2) == 20


def test_the_trial_keeps_all_but_the_schedule_and_the_filter():
    recipe = tiny_recipe("relabel.size=96")
    short = short_recipe(recipe)
    assert short.seeds.scorer == recipe.seeds.scorer
    assert short.relabel == recipe.relabel
    assert short.segmenter.training.crop == recipe.segmenter.training.crop
    assert short.select.tag_area == 0
