"""Training sets: the rows, targets and key of a round with corrections and negatives."""

import numpy as np
import pytest

from tag2mask.pipeline.correction.corrections import add_corrections
from tag2mask.pipeline.records import BACKGROUND, IGNORE, IMAGES_SCHEMA, encode_mask
from tag2mask.pipeline.tables.manifest import table_key
from tag2mask.pipeline.training.augmentation import View, whole_view
from tag2mask.pipeline.training.targets import MaskTarget, SoftTarget, one_hot
from tag2mask.pipeline.training.training_set import TrainingSet
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import CLASSES, image_row, round_row, tags_of

COUNT, KEPT, NEGATIVES = 6, 4, 2
WHOLE = View(64, 48, 0, 0, 64, flip=False)
CORRECTED = 5  # number of an image whose mask the round did not keep


@pytest.fixture
def rows():
    """Rows of images: the first with tags, the last without."""
    tagged = [image_row(number, tags_of(number)) for number in range(COUNT)]
    others = [image_row(COUNT + number, [1]) | {"tags": []} for number in range(NEGATIVES)]
    return tagged + others


@pytest.fixture
def images(tmp_path, rows):
    table = writer(tmp_path, "images", IMAGES_SCHEMA)
    table.stage(rows)
    return table.commit()


@pytest.fixture
def masks(tmp_path, rows):
    """A round that kept the masks of the first images alone."""
    table = writer(tmp_path, "toy")
    tagged = enumerate(rows[:COUNT])
    table.stage([round_row(row) | {"kept": number < KEPT} for number, row in tagged])
    return table.commit()


@pytest.fixture
def corrections(tmp_path, rows, images):
    """A mask of class 3 everywhere for one image."""
    row = {
        "id": rows[CORRECTED]["id"],
        "mask": {"bytes": encode_mask(np.full((48, 64), 3, np.uint8)), "path": None},
        "classes": [3],
        "tags": [3],
        "source": "human",
        "verdict": "corrected",
        "editor": "me",
        "time": "2020-01-01T00:00:00+00:00",
    }
    return add_corrections(f"{tmp_path}/corrections", images, [row])


def targets(training_set):
    """The target of the whole image, by id."""
    rng = np.random.default_rng(0)
    return {row["id"]: training_set.target(row, WHOLE, rng) for row in training_set.scan.rows()}


def expected_mask(value):
    mask = np.full((16, 16), IGNORE)
    mask[:12] = value  # a toy image is 48 high, padded below
    return mask


def test_the_kept_masks_of_a_round(rows, images, masks):
    kept = TrainingSet.of_round(images, masks, MaskTarget("round"))
    assert {row["id"] for row in kept.scan.rows()} == {row["id"] for row in rows[:KEPT]}
    assert len(kept) == KEPT
    assert kept.class_names == CLASSES
    assert kept.key_inputs == {"round": masks.fingerprint, "kind": masks.manifest.key}
    shown = targets(kept)
    for row in rows[:KEPT]:
        assert set(np.unique(shown[row["id"]])) == {BACKGROUND, IGNORE, *row["tags"]}


@pytest.mark.parametrize("soft", [False, True])
def test_corrections_and_negatives_replace_the_target(rows, images, masks, corrections, soft):
    target = SoftTarget("round", len(CLASSES)) if soft else MaskTarget("round")
    column = "probabilities" if soft else "mask"
    plain = TrainingSet.of_round(images, masks, target, [column], soft=soft)
    negatives = {row["id"] for row in rows[COUNT:]}
    whole = plain.with_corrections(corrections).with_negatives(negatives)

    found, unchanged = targets(whole), targets(plain)
    assert found.keys() == {*unchanged, rows[CORRECTED]["id"], *negatives}
    for row_id, value in unchanged.items():
        np.testing.assert_array_equal(found[row_id], value)
    known = {rows[CORRECTED]["id"]: expected_mask(3)} | dict.fromkeys(
        negatives, expected_mask(BACKGROUND)
    )
    for row_id, mask in known.items():
        expected = one_hot(mask, len(CLASSES)) if soft else mask
        np.testing.assert_array_equal(found[row_id], expected)
    assert whole.key_inputs == {
        **plain.key_inputs,
        "corrections": corrections.fingerprint,
        "negatives": table_key(ids=sorted(negatives)),
    }


def test_without_corrections_and_negatives_a_set_stays_as_it_is(images, masks):
    plain = TrainingSet.of_round(images, masks, MaskTarget("round"))
    assert plain.with_corrections(None).with_negatives(set()) is plain


def test_negatives_may_keep_the_target_of_the_set(rows, images, masks):
    plain = TrainingSet.of_round(images, masks, MaskTarget("round"))
    wider = plain.with_negatives({row["id"] for row in rows[COUNT:]}, target=None)
    assert wider.target is plain.target
    assert len(wider) == KEPT + NEGATIVES


def test_samples_draw_the_views_of_the_set(images, masks):
    plain = TrainingSet.of_round(images, masks, MaskTarget("round"), views=whole_view)
    samples = plain.samples(batch=3, crop=32, scale=(1.0, 1.0), seed=1)
    crops, masks_of = next(samples.batches())
    assert crops.shape == (3, 3, 32, 32)
    assert masks_of.shape == (3, 8, 8)
    assert not (masks_of == IGNORE).any(), "a whole view squeezes the image into the crop"
