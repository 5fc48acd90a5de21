"""Samples: the batch of a step follows from the seed and the step alone."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

import tag2mask.pipeline.training.samples
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import IGNORE
from tag2mask.pipeline.tables.scan import ScanUnit
from tag2mask.pipeline.training.samples import Samples
from tag2mask.pipeline.training.targets import (
    ConfidentMaskTarget,
    MaskTarget,
    SoftTarget,
    TagTarget,
    WeakTarget,
)
from tests.pipeline.toys import CLASSES, toy_scan

COUNT = 11


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    return toy_scan(tmp_path_factory.mktemp("samples"), COUNT)


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


@pytest.mark.parametrize("seed", range(5))
def test_soft_targets_sum_to_one_or_zero_in_any_view(scan, seed):
    stream = samples(scan, SoftTarget("toy", len(CLASSES)), seed=seed, scale=(0.4, 2.0))
    for _, targets in take(stream, 2):
        total = targets.sum(dim=1)
        assert bool((((total - 1).abs() < 1e-5) | (total == 0)).all())


def test_weak_targets_are_tags_seeds_and_the_image(scan):
    images, (tags, seeds, small) = next(samples(scan, WeakTarget(len(CLASSES))).batches())
    assert tags.shape == (len(images), len(CLASSES))
    assert set(tags.unique().tolist()) == {0.0, 1.0}
    assert (seeds == IGNORE).all()
    assert torch.equal(small, images[:, :, 2::4, 2::4])
