"""A run's steps: what they take, what they leave out, and what is done already."""

import json
from pathlib import Path

import pytest
import torch

from tag2mask.pipeline.benchmarks import control_rounds
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.labeling.recipe import Recipe
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.rounds import Round
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.labeling.selection import negative_ids, scan_tagged, simple_ids
from tag2mask.pipeline.records import IMAGES_SCHEMA, decode_mask
from tag2mask.pipeline.sources import open_source
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.model_store import load_model, read_card
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import (
    CLASSES,
    SilentReporter,
    image_row,
    images_table,
    png,
    round_row,
    round_table,
    tags_of,
    tiny_recipe,
)
from tests.written import written

COUNT = 12


@pytest.fixture(autouse=True)
def _normal_floats():
    """Stages and trainings flush denormal numbers; other tests of this process should not."""
    yield
    torch.set_flush_denormal(False)


def run_at(root, *changes) -> Run:
    return Run(str(root), tiny_recipe(*changes), LocalEngine(1), SilentReporter())


@pytest.fixture
def run(tmp_path):
    return run_at(tmp_path)


@pytest.fixture
def images(tmp_path):
    return images_table(tmp_path, COUNT)


def dirty_images(root: Path) -> Table:
    """Toy images of which every third could not be read."""
    images = writer(root, "images", IMAGES_SCHEMA, metadata={"classes": list(CLASSES)})
    rows = [image_row(number, tags_of(number)) for number in range(COUNT)]
    for row in rows[::3]:
        row |= {"image": None, "height": None, "width": None, "error": "x.jpg: cut short"}
    images.stage(rows)
    return images.commit()


def test_simple_images_are_the_first_by_id_of_each_class(images):
    simple = [row for row in images.rows() if len(row["tags"]) == 1]
    expected = set()
    for tag in (1, 2, 3):
        expected |= set(sorted(row["id"] for row in simple if row["tags"] == [tag])[:2])
    assert simple_ids(images, 2) == expected
    assert simple_ids(images, 100) == {row["id"] for row in simple}


def test_images_that_could_not_be_read_take_no_part(tmp_path):
    images = dirty_images(tmp_path)
    readable = {row["id"] for row in images.rows() if not row["error"]}
    assert len(readable) == COUNT - 4
    assert set(scan_tagged(images, ["image", "tags"]).wanted_ids()) == readable
    assert simple_ids(images, 100) <= readable


def images_with_negatives(root: Path, negatives: int) -> Table:
    """Toy images of which some, beside the usual ones, have no tag."""
    images = writer(root, "images", IMAGES_SCHEMA, metadata={"classes": list(CLASSES)})
    images.stage([image_row(number, tags_of(number)) for number in range(COUNT)])
    images.stage([image_row(COUNT + n, [1]) | {"tags": []} for n in range(negatives)])
    return images.commit()


def test_negatives_are_trained_on_and_never_labeled(tmp_path):
    run = run_at(tmp_path, "segmenter.from_tagger=false")
    images = images_with_negatives(tmp_path, 8)
    tagged = {row["id"] for row in images.rows(["id", "tags"]) if row["tags"]}
    card = run.train_tagger(images)
    assert card.training["images"] + card.training["held_out"] == COUNT + 8
    toy = writer(tmp_path, "toy", metadata=images.metadata)
    toy.stage([round_row(row) for row in images.rows() if row["id"] in tagged])
    rounds = toy.commit()
    for soft in (False, True):
        # Half as many negatives as images with a mask, as the recipe says.
        card = run.train_segmenter(Round("initial", soft=soft), images, rounds)
        assert card.training["images"] == COUNT + COUNT // 2
    assert set(run.relabel(Round("initial"), images).ids()) == tagged
    assert negative_ids(images, 3) == set(sorted(set(images.ids()) - tagged)[:3])
    assert simple_ids(images, 100) <= tagged


def test_ingested_images_are_a_table(tmp_path):
    for number in range(4):
        folder = tmp_path / "source" / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(image_row(number, [1])["image"]["bytes"])
    (tmp_path / "source/cat/broken.png").write_bytes(b"\x89PNG broken")
    run = run_at(tmp_path / "run")
    images = run.make_images(ingest(open_source(str(tmp_path / "source"))))
    assert len(images) == 5
    assert images.metadata["classes"] == ["cat", "dog"]
    assert sum(bool(row["error"]) for row in images.rows()) == 1
    assert any("1 of 5 failed" in sentence for sentence in run.reporter.said)


def test_a_class_that_is_renamed_is_labeled_again(tmp_path):
    """The images and their pixel values stay the same; the name must not."""
    for number in range(4):
        folder = tmp_path / "source" / ("cat", "dgo")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(image_row(number, [1])["image"]["bytes"])
    run = run_at(tmp_path / "run", "tagger.training.steps=1")
    before = run.train_tagger(run.make_images(ingest(open_source(str(tmp_path / "source")))))
    (tmp_path / "source/dgo").rename(tmp_path / "source/dog")
    after = run.train_tagger(run.make_images(ingest(open_source(str(tmp_path / "source")))))
    assert before.classes.names == ("cat", "dgo")
    assert after.classes.names == ("cat", "dog")
    assert after.weights == before.weights


def test_a_source_of_which_nothing_can_be_decoded(tmp_path):
    (tmp_path / "source/cat").mkdir(parents=True)
    for number in range(3):
        (tmp_path / f"source/cat/{number}.png").write_bytes(b"no image %d" % number)
    run = run_at(tmp_path / "run")
    with pytest.raises(UserError, match="'images' failed on all of 3 images") as caught:
        run.make_images(ingest(open_source(str(tmp_path / "source"))))
    assert ".png" not in str(caught.value), "the reason, not one file's name"
    assert not (tmp_path / "run/images").exists(), "so that the next run does not take it as done"


def test_a_step_that_fails_on_every_image_names_its_reason(tmp_path):
    images = writer(tmp_path, "images", IMAGES_SCHEMA, metadata={"classes": list(CLASSES)})
    rows = [image_row(number, [1]) for number in range(3)]
    for row in rows:
        row["image"]["bytes"] = b"damaged since"
    images.stage(rows)
    run = run_at(tmp_path, "seeds.scorer=saliency", "seeds.settings={}")
    table = images.commit()
    tagger_of(run, images_table(tmp_path / "other", COUNT), tmp_path)
    with pytest.raises(UserError, match=r"'seed' failed on all of 3 images.*cannot identify"):
        run.make_seed(table)
    assert not (tmp_path / "rounds/seed").exists()


def tagger_of(run, images, root):
    """Trains the tagger of another table into the folder of a run."""
    other = run_at(root / "other", "tagger.training.steps=1")
    other.train_tagger(images)
    (root / "models").mkdir(exist_ok=True)
    (root / "other/models/tagger").rename(root / "models/tagger")


def test_no_simple_image_is_said(tmp_path):
    images = writer(tmp_path, "images", IMAGES_SCHEMA, metadata={"classes": list(CLASSES)})
    images.stage([image_row(number, [1, 2]) for number in range(3)])
    run = run_at(tmp_path)
    with pytest.raises(UserError, match="exactly one tag"):
        run.make_seed(images.commit())


def test_nothing_kept_to_train_on_is_said(tmp_path, images, run):
    changes = {"kept": False, "reason": "tag not found: cat under 1.0% of the image"}
    seed = round_table(tmp_path, images, "seed", changes)
    with pytest.raises(UserError, match=r"'initial'.*'seed' kept none of 12.*tag not found: cat"):
        run.train_segmenter(Round("initial", soft=True), images, seed)
    assert not (tmp_path / "models").exists()


def test_a_place_that_cannot_be_written_is_known_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        run_at(tmp_path / "file/run")


def test_weights_that_cannot_be_loaded(tmp_path, images, run, monkeypatch):
    def offline(self, pretrained=False):
        raise OSError("no internet")

    monkeypatch.setattr("tag2mask.models.factory.Architecture.build", offline)
    with pytest.raises(
        UserError, match=r"weights of tiny.*no internet.*backbone\.pretrained=false"
    ):
        run.train_tagger(images)


def test_a_tagger_is_trained_once(images, run):
    card = run.train_tagger(images)
    assert card.architecture.kind == "tagger"
    assert card.classes.names == CLASSES
    assert card.training["images"] + card.training["held_out"] == COUNT
    before = written(run.model_uri("tagger"))
    assert run.train_tagger(images) == card
    assert written(run.model_uri("tagger")) == before
    assert not (Path(run.uri) / ".staging").exists() or not any(
        path.is_file() for path in (Path(run.uri) / ".staging").rglob("*")
    )


def test_the_same_seed_trains_the_same_weights(tmp_path, images):
    cards = []
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        torch.rand(3)  # what was drawn before must not matter
        run = run_at(tmp_path / name, f"seed={seed}", "tagger.training.steps=2")
        cards.append(run.train_tagger(images).weights)
    assert cards[0] == cards[1] != cards[2]


def test_another_setting_trains_again(tmp_path, images):
    alone = "segmenter.from_tagger=false"
    first = run_at(tmp_path, "segmenter.training.steps=1", alone)
    toy = round_table(tmp_path, images)
    before = first.train_segmenter(Round("initial"), images, toy)
    assert first.train_segmenter(Round("initial"), images, toy) == before
    after = run_at(tmp_path, "segmenter.training.steps=2", alone).train_segmenter(
        Round("initial"), images, toy
    )
    assert after.key != before.key
    softly = first.train_segmenter(Round("initial", soft=True), images, toy)
    assert softly.key not in (before.key, after.key)


def test_a_segmenter_continues_what_it_contains(tmp_path, images):
    """The mean field starts on a trained FCN-8s; what the earlier one lacks stays as built."""
    training = ["segmenter.training.steps=1", "segmenter.training.learning_rate=1e-12"]
    still = [*training, "segmenter.from_tagger=false"]
    toy = round_table(tmp_path, images)
    plain = run_at(tmp_path, "segmenter.head=fcn8s", *still)
    plain.train_segmenter(Round("first"), images, toy)
    whole = run_at(tmp_path, "segmenter.head=crf_rnn", *still)
    whole.train_segmenter(Round("then", starts_after="first"), images, toy)
    first, then = (load_model(whole.model_uri(name), "segmenter")[0] for name in ("first", "then"))
    for name, weights in first.named_parameters():
        torch.testing.assert_close(then.get_parameter(name), weights, atol=1e-6, rtol=1e-5)
    with pytest.raises(ValueError, match="mean_field"):
        plain.train_segmenter(Round("back", starts_after="then"), images, toy)


def test_rounds_from_seed_to_dataset(tmp_path, images, run):
    """Every table holds what it should, and masks hold tags and background alone."""
    run.train_tagger(images)
    seed = run.make_seed(images)
    tags = {row["id"]: row["tags"] for row in images.rows(["id", "tags"])}
    assert set(seed.ids()) == simple_ids(images, 120)
    run.train_segmenter(Round("initial", soft=True), images, seed)
    simple = run.relabel(Round("initial", select=lambda row: len(row["tags"]) == 1), images)
    assert set(simple.ids()) == set(seed.ids())
    run.train_segmenter(Round("enhanced", thresholds=(0.0, 0.5)), images, simple)
    last = run.relabel(Round("enhanced"), images)
    assert sorted(last.ids()) == sorted(images.ids())
    for table in (seed, simple, last):
        for row in table.rows():
            mask = decode_mask(row["mask"]["bytes"])
            assert set(mask.flat) <= {0, *tags[row["id"]]}
            assert row["error"] is None
            assert row["kept"]
        assert table.metadata["classes"] == list(CLASSES)
        assert Recipe.model_validate(table.metadata["recipe"]) == run.recipe
    assert {row["model"] for row in last.rows()} == {read_card(run.model_uri("enhanced")).weights}
    dataset = release(run, images, last)
    assert sorted(dataset.ids()) == sorted(images.ids())

    reseeded = control_rounds.reseed(run, images, "dcsm", "none")
    assert reseeded.ids() == seed.ids()
    assert [row["scores"] for row in reseeded.rows()] == [row["scores"] for row in seed.rows()]

    prediction = control_rounds.predict(run, images, "plain", run.model_uri("enhanced"))
    assert sorted(prediction.ids()) == sorted(images.ids())
    _, card = load_model(run.model_uri("enhanced"), "segmenter")
    assert card.training["relabel"] == json.loads(run.recipe.relabel.model_dump_json())


def test_ground_truth_masks_as_a_round(tmp_path, images, run):
    (tmp_path / "truth/SegmentationClass").mkdir(parents=True)
    (tmp_path / "truth/classes.txt").write_text("\n".join(CLASSES))
    for row in list(images.rows())[:3]:
        name = Path(row["image"]["path"]).name
        mask = torch.full((row["height"], row["width"]), row["tags"][0], dtype=torch.uint8)
        (tmp_path / "truth/SegmentationClass" / name).write_bytes(png(mask.numpy()))
    table = control_rounds.ground_truth(run, images, str(tmp_path / "truth"))
    assert len(table) == COUNT
    assert sum(bool(row["kept"]) for row in table.rows()) == 3


@pytest.mark.parametrize(
    "setting", ["select.confidence", "seeds.select.confidence", "publish.quality.confidence"]
)
def test_a_threshold_of_no_class_is_an_error_before_any_work(tmp_path, setting):
    source = tmp_path / "source"
    source.mkdir()
    (source / "0.png").write_bytes(image_row(0, [1])["image"]["bytes"])
    (source / "tags.csv").write_text("file,tags\n0.png,cat\n")
    run = run_at(tmp_path / "run", f'{setting}={{"zebra": 0.5}}')
    with pytest.raises(UserError, match="unknown class 'zebra'"):
        run.make_images(ingest(open_source(str(source)), ["cat"]))
    assert not (tmp_path / "run/images").exists()
