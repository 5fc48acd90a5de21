"""Samples: the batch of a step follows from the seed and the step alone."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

import tag2mask.pipeline.training.samples
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import IGNORE, encode_mask
from tag2mask.pipeline.tables.scan import ScanUnit
from tag2mask.pipeline.training.augmentation import View
from tag2mask.pipeline.training.samples import (
    ConfidentMaskTarget,
    MaskTarget,
    NegativeTarget,
    Samples,
    SoftTarget,
    TagTarget,
    WeakTarget,
    WeightedMaskTarget,
    WeightedNegativeTarget,
    one_hot,
)
from tests.pipeline.toys import CLASSES, labels, toy_scan

COUNT = 11
WHOLE = View(64, 48, 0, 0, 64, False)  # a toy image as it is, padded below


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    return toy_scan(tmp_path_factory.mktemp("samples"), COUNT)


@pytest.fixture(scope="module")
def row(scan):
    """An image with two tags."""
    return next(row for row in scan.rows() if len(row["tags"]) == 2)


@dataclass(frozen=True)
class Number:
    """The number of the image, to see which rows come."""

    def __call__(self, row, view, rng):
        return np.array(int(Path(row["image"]["path"]).stem))


def samples(scan, target=None, **changes):
    settings = {"batch": 4, "crop": 32, "scale": (0.8, 1.6), "seed": 3, **changes}
    return Samples(scan, target or Number(), **settings)


def take(stream, count, first_step=0):
    return list(islice(stream.batches(first_step), count))


def assert_same(ours, theirs):
    for (images, targets), (other_images, other_targets) in zip(ours, theirs, strict=True):
        torch.testing.assert_close(images, other_images, rtol=0, atol=0)
        torch.testing.assert_close(targets, other_targets, rtol=0, atol=0)


def test_batches_have_their_documented_form(scan):
    images, targets = next(iter(samples(scan, TagTarget(3)).batches()))
    assert images.shape == (4, 3, 32, 32)
    assert images.dtype == torch.uint8
    assert targets.shape == (4, 3)
    assert targets.dtype == torch.float32


def test_the_same_seed_gives_the_same_batches(scan):
    target = MaskTarget("toy")
    assert_same(take(samples(scan, target), 7), take(samples(scan, target), 7))


def test_another_seed_gives_other_batches(scan):
    ours, theirs = (take(samples(scan, seed=seed), 1)[0] for seed in (3, 4))
    assert not torch.equal(ours[0], theirs[0])


@pytest.mark.parametrize("buffer", [1, 4, 4096])
@pytest.mark.parametrize("step", [1, 2, 3, 6])
def test_a_later_start_continues_the_undisturbed_stream(scan, monkeypatch, buffer, step):
    monkeypatch.setattr(tag2mask.pipeline.training.samples, "BUFFER_ROWS", buffer)
    stream = samples(scan, ConfidentMaskTarget("toy", (0.0, 0.6, 0.8)))
    assert_same(take(stream, 3, first_step=step), take(stream, step + 3)[step:])


@pytest.mark.parametrize("buffer", [1, 5, 4096])
@pytest.mark.parametrize("of", [2, 3, 4])
def test_shares_make_up_the_batches_of_one(scan, monkeypatch, buffer, of):
    """Whoever shares them, the same crops with the same targets are in a batch."""
    monkeypatch.setattr(tag2mask.pipeline.training.samples, "BUFFER_ROWS", buffer)
    stream = samples(scan, ConfidentMaskTarget("toy", (0.0, 0.6, 0.8)))
    whole = take(stream, 5, first_step=2)
    for rank in range(of):
        share = list(islice(stream.batches(2, rank, of), 5))
        assert_same(share, [(images[rank::of], targets[rank::of]) for images, targets in whole])


def test_a_share_reads_its_own_rows_alone(scan, monkeypatch):
    read = []
    monkeypatch.setattr(ScanUnit, "read", recorded(ScanUnit.read, read))
    next(samples(scan).batches(0, 1, 2))
    assert len(read) == len(set(read)) == COUNT // 2


def recorded(read, ids):
    """The method, which keeps the ids that it is asked for."""

    def reading(unit):
        ids.extend(unit.ids)
        return read(unit)

    return reading


@pytest.mark.parametrize("buffer", [1, 4, COUNT, 4096])
@pytest.mark.parametrize("batch", [1, 4, 16])
def test_each_epoch_shows_every_row_once(scan, monkeypatch, buffer, batch):
    """Also where a batch is larger than the data, or reaches over the end of an epoch."""
    monkeypatch.setattr(tag2mask.pipeline.training.samples, "BUFFER_ROWS", buffer)
    epochs = 3
    batches = take(samples(scan, batch=batch), -(-epochs * COUNT // batch))
    order = torch.cat([targets for _, targets in batches]).tolist()[: epochs * COUNT]
    seen = [order[start : start + COUNT] for start in range(0, epochs * COUNT, COUNT)]
    assert [sorted(epoch) for epoch in seen] == [list(range(COUNT))] * epochs
    assert seen[0] != seen[1]


def test_an_image_has_another_view_each_time(scan):
    batches = take(samples(scan, batch=COUNT), 2)
    first, second = (
        {int(number): image for image, number in zip(*batch, strict=True)} for batch in batches
    )
    assert all(not torch.equal(first[number], second[number]) for number in first)


def test_an_empty_training_set_is_an_error(scan):
    empty = scan.where(lambda row: False, ["tags"])
    with pytest.raises(UserError, match="no image to train on"):
        next(iter(samples(empty).batches()))


def test_tags_are_many_hot(row):
    expected = np.isin([1, 2, 3], row["tags"]).astype(np.float32)
    np.testing.assert_array_equal(TagTarget(3)(row, WHOLE, np.random.default_rng(0)), expected)


def mask_of(row):
    return labels(int(Path(row["image"]["path"]).stem), row["tags"])


def test_mask_target_is_the_mask_on_a_grid_of_four(row):
    target = MaskTarget("toy")(row, WHOLE, np.random.default_rng(0))
    assert target.dtype == np.int64
    np.testing.assert_array_equal(target[:12], mask_of(row)[2::4, 2::4])
    assert (target[12:] == IGNORE).all(), "outside of the image"


def test_confident_mask_ignores_less_certain_pixels(row):
    """The toy masks are 90 % sure on the left half and 50 % on the right."""
    whole = MaskTarget("toy")(row, WHOLE, np.random.default_rng(0))
    cut = ConfidentMaskTarget("toy", (0.8,))(row, WHOLE, np.random.default_rng(0))
    # The map has an eighth of the size: two cells of the grid beside the middle blend.
    np.testing.assert_array_equal(cut[:, :7], whole[:, :7])
    assert (cut[:, 9:] == IGNORE).all()
    everything = ConfidentMaskTarget("toy", (0.0,))(row, WHOLE, np.random.default_rng(0))
    np.testing.assert_array_equal(everything, whole)


def test_confident_masks_of_a_image_differ_by_their_threshold(row):
    target = ConfidentMaskTarget("toy", (0.0, 0.95))
    masks = [target(row, WHOLE, np.random.default_rng(seed)) for seed in range(8)]
    ignored = {float((mask[:12] == IGNORE).mean()) for mask in masks}
    assert ignored == {0.0, 1.0}


def test_soft_targets_sum_to_one_inside_and_to_zero_outside(row):
    target = SoftTarget("toy", len(CLASSES))(row, WHOLE, np.random.default_rng(0))
    assert target.shape == (len(CLASSES) + 1, 16, 16)
    assert target.dtype == np.float32
    total = target.sum(axis=0)
    np.testing.assert_allclose(total[:12], 1, atol=1e-6)
    np.testing.assert_array_equal(total[12:], 0)


def test_soft_targets_stand_in_the_channels_of_their_classes(row):
    target = SoftTarget("toy", len(CLASSES))(row, WHOLE, np.random.default_rng(0))
    absent = [channel for channel in range(1, 4) if channel not in row["tags"]]
    assert not target[absent].any()
    reduced = mask_of(row)[2::4, 2::4]
    agrees = target.argmax(axis=0)[:12] == reduced
    assert agrees.mean() > 0.9, "all but the blended borders"


@pytest.mark.parametrize("seed", range(5))
def test_soft_targets_sum_to_one_or_zero_in_any_view(scan, seed):
    stream = samples(scan, SoftTarget("toy", len(CLASSES)), seed=seed, scale=(0.4, 2.0))
    for _, targets in take(stream, 2):
        total = targets.sum(dim=1)
        assert bool((((total - 1).abs() < 1e-5) | (total == 0)).all())


@pytest.mark.parametrize("soft", [False, True])
def test_negatives_are_background_inside_and_nothing_outside(row, soft):
    rng = np.random.default_rng(0)
    otherwise = SoftTarget("toy", len(CLASSES)) if soft else MaskTarget("toy")
    target = NegativeTarget(otherwise, len(CLASSES), soft)
    np.testing.assert_array_equal(target(row, WHOLE, rng), otherwise(row, WHOLE, rng))
    negative = {**row, "tags": [], "toy": None}
    expected = np.full((16, 16), IGNORE)
    expected[:12] = 0  # a toy image is 48 high, padded below
    found = target(negative, WHOLE, rng)
    np.testing.assert_array_equal(found, one_hot(expected, len(CLASSES)) if soft else expected)
    assert found.dtype == otherwise(row, WHOLE, rng).dtype


def test_weighted_negatives_weigh_as_an_empty_mask_does(row):
    rng = np.random.default_rng(0)
    otherwise = WeightedMaskTarget("toy")
    target = WeightedNegativeTarget(otherwise, len(CLASSES), soft=False)
    empty = encode_mask(np.zeros((48, 64), np.uint8))
    expected = otherwise({**row, "toy": {"mask": {"bytes": empty}}}, WHOLE, rng)
    found = target({**row, "tags": [], "toy": None}, WHOLE, rng)
    for part, known in zip(found, expected, strict=True):
        np.testing.assert_array_equal(part, known)
        assert part.dtype == known.dtype
    np.testing.assert_array_equal(target(row, WHOLE, rng), otherwise(row, WHOLE, rng))


def test_one_hot_of_a_mask():
    mask = np.array([[0, 2], [IGNORE, 1]])
    expected = [[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 1], [0, 0]]]
    np.testing.assert_array_equal(one_hot(mask, 2), expected)


def test_weak_targets_are_tags_seeds_and_the_image(scan):
    images, (tags, seeds, small) = next(samples(scan, WeakTarget(len(CLASSES))).batches())
    assert tags.shape == (len(images), len(CLASSES))
    assert set(tags.unique().tolist()) == {0.0, 1.0}
    assert (seeds == IGNORE).all()
    assert torch.equal(small, images[:, :, 2::4, 2::4])


def test_seeds_of_a_weak_target_are_the_masks_of_a_round(scan, row):
    rng = np.random.default_rng(0)
    _, seeds, _ = WeakTarget(len(CLASSES), "toy")(row, WHOLE, rng)
    assert np.array_equal(seeds, MaskTarget("toy")(row, WHOLE, rng))
