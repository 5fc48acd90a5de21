"""Streams: each row once over ranks and workers, and on from the middle of an epoch."""

import itertools
import json

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from tag2mask.pipeline.dataset import MaskDataset, MaskLoader, MaskStream, RowFilter
from tag2mask.pipeline.errors import UserError
from tests.pipeline.dataset.conftest import COUNT


def ids(samples):
    return [sample["id"] for sample in samples]


def batch_ids(batches):
    return [row_id for batch in batches for row_id in batch["id"]]


def test_rows_come_in_the_order_of_the_files(dataset, expected):
    stream = MaskStream(dataset.uri)
    assert ids(stream) == ids(expected)
    first, again = next(iter(stream)), MaskDataset(dataset.uri)[0]
    torch.testing.assert_close(first["image"], again["image"])
    torch.testing.assert_close(first["mask"], again["mask"])


def test_an_epoch_is_a_permutation_of_its_own(dataset, expected):
    stream = MaskStream(dataset.uri, shuffle=True, seed=3)
    epochs = [ids(stream), ids(stream)]
    assert epochs[0] != epochs[1] != ids(expected)
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(ids(expected))
    same = MaskStream(dataset.uri, shuffle=True, seed=3)
    assert [ids(same), ids(same)] == epochs


@pytest.mark.parametrize(
    ("shuffle", "world", "workers"), [(False, 3, 0), (True, 3, 0), (False, 2, 2), (True, 2, 2)]
)
def test_every_row_once_over_ranks_and_workers(dataset, expected, shuffle, world, workers):
    seen, sizes = [], []
    for rank in range(world):
        stream = MaskStream(dataset.uri, shuffle=shuffle, batch=8, rank=rank, world=world)
        rows = batch_ids(MaskLoader(stream, workers))
        assert len(rows) == len(stream)
        sizes.append(len(rows))
        seen += rows
    assert sorted(seen) == sorted(ids(expected))
    assert max(sizes) - min(sizes) <= 1
    if not shuffle:  # ranks have a range each, and workers do not change the order
        assert seen == ids(expected)


def test_a_plain_data_loader_with_other_batches_sees_every_row_once(dataset, expected):
    loader = DataLoader(MaskStream(dataset.uri, shuffle=True, batch=16), 10, num_workers=2)
    assert sorted(batch_ids(loader)) == sorted(ids(expected))


SETTINGS = {
    "shuffle": True,
    "seed": 5,
    "batch": 8,
    "transform": v2.RandomHorizontalFlip(),
    "where": RowFilter(confidence=0.55),
}


@pytest.fixture(scope="module")
def uninterrupted(dataset):
    """The batches of two epochs."""
    whole = MaskLoader(MaskStream(dataset.uri, **SETTINGS))
    return [list(whole), list(whole)]


@pytest.mark.parametrize(("before", "after"), [(0, 0), (2, 0), (0, 2)])
def test_a_loader_goes_on_in_the_middle_of_an_epoch(dataset, uninterrupted, before, after):
    stopped = MaskLoader(MaskStream(dataset.uri, **SETTINGS), before)
    for _ in stopped:
        pass
    for _ in itertools.islice(stopped, 7):
        pass
    state = json.loads(json.dumps(stopped.state_dict()))
    assert (state["epoch"], state["position"]) == (1, 56)
    resumed = MaskLoader(MaskStream(dataset.uri, **SETTINGS), after)
    resumed.load_state_dict(state)
    rest = list(resumed)
    for batch, other in zip(rest, uninterrupted[1][7:], strict=True):
        assert batch["id"] == other["id"]
        torch.testing.assert_close(batch["image"], other["image"])
        torch.testing.assert_close(batch["mask"], other["mask"])
    assert resumed.state_dict()["epoch"] == 2
    assert len(batch_ids(resumed)) == len(batch_ids(uninterrupted[0]))


def test_a_stream_that_is_left_starts_its_epoch_again(dataset):
    stream = MaskStream(dataset.uri, shuffle=True, batch=8)
    first = ids(itertools.islice(stream, 20))
    assert stream.state_dict()["position"] == 20
    assert ids(itertools.islice(stream, 20)) == first


def test_transforms_leave_torchs_generator_alone(dataset):
    stream = MaskStream(dataset.uri, transform=v2.RandomHorizontalFlip())
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    flipped = [sample["image"] for sample in stream]
    torch.testing.assert_close(torch.rand(3), expected)
    plain = [sample["image"] for sample in MaskStream(dataset.uri)]
    turned = [not torch.equal(one, two) for one, two in zip(flipped, plain, strict=True)]
    assert 0.3 < np.mean(turned) < 0.7


def test_the_state_of_another_stream_is_refused(dataset):
    state = MaskStream(dataset.uri, shuffle=True, seed=1).state_dict()
    with pytest.raises(UserError, match="seed differ"):
        MaskStream(dataset.uri, shuffle=True, seed=2).load_state_dict(state)
    fewer = MaskStream(dataset.uri, shuffle=True, seed=1, where=RowFilter(confidence=0.9))
    with pytest.raises(UserError, match="rows differ"):
        fewer.load_state_dict(state)
    with pytest.raises(ValueError, match="unknown rank 2: 2 ranks are 0 to 1"):
        MaskStream(dataset.uri, rank=2, world=2)
    with pytest.raises(ValueError, match="persistent"):
        MaskLoader(MaskStream(dataset.uri), 1, persistent_workers=True)


def test_rows_side_by_side_are_read_together(dataset, monkeypatch):
    stream = MaskStream(dataset.uri, batch=32)
    calls = []
    original = type(stream.rows).images

    def counted(self, index, count=1):
        calls.append(count)
        return original(self, index, count)

    monkeypatch.setattr(type(stream.rows), "images", counted)
    assert len(ids(stream)) == COUNT == sum(calls)
    assert len(calls) <= COUNT // 32 + 1 + len(dataset.manifest.parts)
