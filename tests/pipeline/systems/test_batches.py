"""Views and batches: the batch of a step follows from the seed and the step alone."""

import itertools

import numpy as np
import pytest
import torch

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.systems.batches import Batches, to_batch
from tag2mask.pipeline.systems.views import VIEWS, cutout_view, image_view, object_view
from tests.pipeline.systems.toy_system import ToyPairs


@pytest.fixture(params=sorted(VIEWS))
def view(request):
    return request.param


class TestViews:
    def test_sizes(self, view):
        sample = ToyPairs()[1]
        rng = np.random.default_rng(0)
        image, mask = VIEWS[view](sample["image"], sample["mask"], 16, rng)
        assert (image.shape, image.dtype) == ((3, 16, 16), torch.uint8)
        assert (mask.shape, mask.dtype) == ((16, 16), torch.uint8)
        assert set(mask.unique().tolist()) <= {0, 2}

    def test_image_and_mask_stay_together(self, view):
        sample = ToyPairs()[0]
        for seed in range(5):
            rng = np.random.default_rng(seed)
            image, mask = VIEWS[view](sample["image"], sample["mask"], 48, rng)
            red = (image[0] > 125) & (image[1] < 125)
            assert (red == (mask == 1)).float().mean() > 0.95

    def test_a_cutout_holds_one_object_on_white(self):
        mask = torch.zeros(40, 60, dtype=torch.uint8)
        mask[5:30, 5:25] = 2  # the largest piece
        mask[5:12, 40:50] = 2
        mask[32:38, 30:55] = 255
        image = torch.full((3, 40, 60), 100, dtype=torch.uint8)
        square, label = cutout_view(image, mask, 64, np.random.default_rng(0))
        assert set(label.unique().tolist()) == {0, 2}
        assert (square[:, label == 0] > 200).float().mean() > 0.9
        assert abs((label == 2).float().mean() - 25 * 20 / 29**2) < 0.03

    @pytest.mark.parametrize("place", [(5, 20), (0, 45), (25, 0)])
    def test_an_object_stands_in_its_surroundings(self, place):
        """Wholly inside, somewhere in a square of up to 1.3 times its longer side."""
        top, left = place
        mask = torch.zeros(40, 60, dtype=torch.uint8)
        mask[top : top + 15, left : left + 10] = 2  # the largest piece
        mask[0, 0], mask[39, 59] = 1, 255
        image = torch.stack([torch.arange(40)[:, None].expand(40, 60)] * 3).to(torch.uint8)
        image[1] = torch.arange(60)[None]
        seen = set()
        for seed in range(30):
            square = object_view(image, mask, 80, np.random.default_rng(seed))
            assert square is not None
            (rows, columns), label = square[0][:2].int(), square[1]
            share = (label == 2).float().mean()
            assert 150 / 21**2 <= share <= 150 / 15**2 + 0.03
            assert rows.min() <= top <= top + 14 <= rows.max()
            assert columns.min() <= left <= left + 9 <= columns.max()
            seen.add((int(rows.min()), int(columns[0].min()), round(float(share), 1)))
        assert len(seen) > 4

    @pytest.mark.parametrize("view", [cutout_view, object_view])
    def test_a_image_without_an_object_has_no_square(self, view):
        mask = torch.zeros(40, 60, dtype=torch.uint8)
        mask[0, :5] = 3
        assert view(torch.zeros(3, 40, 60), mask, 64, np.random.default_rng(0)) is None

    def test_the_smallest_image(self):
        image, mask = torch.zeros(3, 1, 1, dtype=torch.uint8), torch.zeros(1, 1, dtype=torch.uint8)
        square, _ = image_view(image, mask, 8, np.random.default_rng(0))
        assert square.shape == (3, 8, 8)


def take(batches, count, **share):
    return list(itertools.islice(batches.stream(**share), count))


class TestBatches:
    def test_a_later_start_gets_the_same_batches(self, view):
        batches = Batches(ToyPairs(), view, 16, 4, seed=3)
        whole, rest = take(batches, 5), take(batches, 3, first_step=2)
        for ours, theirs in zip(rest, whole[2:], strict=True):
            for name in ("image", "mask", "tags"):
                assert torch.equal(ours[name], theirs[name])

    def test_shares_make_the_whole(self):
        batches = Batches(ToyPairs(), "image", 16, 5, seed=3)
        whole = take(batches, 2)
        shares = [take(batches, 2, rank=rank, of=2) for rank in range(2)]
        for step in range(2):
            merged = torch.empty_like(whole[step]["image"])
            for rank in range(2):
                merged[rank::2] = shares[rank][step]["image"]
            assert torch.equal(merged, whole[step]["image"])

    def test_every_image_once_in_an_epoch(self):
        batches = Batches(ToyPairs(), "image", 16, 10, seed=3)
        for batch in take(batches, 3):
            assert batch["tags"].sum(dim=0).tolist() == [4, 3, 3]

    def test_a_cutout_has_the_tag_of_its_object(self):
        batches = Batches(ToyPairs(), "cutout", 16, 6, seed=3)
        for batch in take(batches, 2):
            for mask, tags in zip(batch["mask"], batch["tags"], strict=True):
                assert tags.nonzero().flatten().tolist() == [int(mask.max()) - 1]

    def test_nothing_to_cut_out(self):
        class Empty(ToyPairs):
            def __getitem__(self, index):
                return {**super().__getitem__(index), "mask": torch.zeros(24, 32).byte()}

        with pytest.raises(UserError, match="none of 200 masks shows an object"):
            Batches(Empty(), "cutout", 16, 1, seed=0).sample(0)

    def test_as_batch(self):
        (parts,) = take(Batches(ToyPairs(), "image", 16, 2, seed=0), 1)
        batch = to_batch(parts, "cpu")
        assert batch["image"].dtype == torch.float32
        assert -1 <= batch["image"].min() < batch["image"].max() <= 1
        assert batch["mask"].dtype == torch.int64
