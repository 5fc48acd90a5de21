"""Scores of photos: both ends of the scale, and the effect of a mismatch of photo and mask."""

import numpy as np
import pytest
import torch

from tag2mask.models.transformation.segmentation_system import (
    SegmentationSystem,
    SegmentationSystemSettings,
)
from tag2mask.pipeline.records import encode_mask
from tag2mask.pipeline.systems.batches import Batches, to_batch
from tag2mask.pipeline.systems.photo_scores import (
    blur_photos,
    keep_photos,
    score_photos,
    standardize,
)
from tag2mask.pipeline.systems.round_pairs import RoundPairs, read_round_pairs
from tests.pipeline.systems.toy_system import ToyPairs
from tests.pipeline.toys import CLASSES, images_table, round_table


class SeesColors(SegmentationSystem):
    """A segmenter without training: the strongest color is the class."""

    def labels(self, images):
        pixels = (images + 1) * 127.5
        return torch.where(pixels.amax(dim=1) > 125, 1 + pixels.argmax(dim=1), 0)


@pytest.fixture(scope="module")
def batches():
    stream = Batches(ToyPairs(), "image", 32, 6, seed=0).stream()
    return [to_batch(next(stream), "cpu") for _ in range(4)]


@pytest.fixture(scope="module")
def judge(batches):
    torch.manual_seed(0)
    judge = SeesColors(SegmentationSystemSettings(size=32, classes=3))
    # Without statistics of real images its features are next to nothing.
    for batch in 10 * batches:
        judge.features(batch["image"])
    return judge.eval()


def shuffled(batch):
    return batch["image"].roll(1, dims=0)


def test_real_photos_show_their_masks(judge, batches):
    found = score_photos(judge, keep_photos, batches, CLASSES)
    assert found.fcn_score > 0.9, "borders are mixed by the resizing"
    assert found.pixel_accuracy > 0.95


def test_photos_of_other_masks_are_found_out_by_the_fcn_score_alone(judge, batches):
    makes = (keep_photos, shuffled, lambda batch: torch.zeros_like(batch["image"]))
    good, bad, gray = (score_photos(judge, make, batches, CLASSES) for make in makes)
    assert bad.fcn_score < 0.5 * good.fcn_score
    assert abs(bad.kid) < 0.05 * gray.kid, "the same photos in another order"


def test_gray_photos_are_far_away(judge, batches):
    gray = score_photos(judge, lambda batch: torch.zeros_like(batch["image"]), batches, CLASSES)
    soft = score_photos(judge, blur_photos, batches, CLASSES)
    assert gray.kid > 10 * abs(soft.kid)
    assert gray.fcn_score < soft.fcn_score


class TestRoundPairs:
    @pytest.fixture(scope="class")
    @staticmethod
    def pairs(tmp_path_factory):
        root = tmp_path_factory.mktemp("pairs")
        images = images_table(root, 9)
        return read_round_pairs(images, round_table(root, images), images.ids())

    def test_images_and_masks(self, pairs):
        assert len(pairs) == 9
        sample = pairs[0]
        assert sample["image"].shape[1:] == sample["mask"].shape
        shown = set(sample["mask"].unique().tolist()) - {0, 255}
        assert {tag - 1 for tag in shown} == set(sample["tags"].nonzero().flatten().tolist())

    def test_shuffled_masks_are_those_of_others(self, pairs):
        other = pairs.with_mismatched_masks(seed=0)
        assert [image for image, _ in other.files] == [image for image, _ in pairs.files]
        assert sorted(mask for _, mask in other.files) == sorted(mask for _, mask in pairs.files)
        moved = [a != b for (_, a), (_, b) in zip(pairs.files, other.files, strict=True)]
        assert sum(moved) > len(moved) / 2
        assert other.digest() != pairs.digest()

    def test_masks_of_another_size_are_brought_to_the_image(self, pairs):
        image = pairs.files[0][0]
        mixed = RoundPairs(((image, encode_mask(np.ones((5, 7), np.uint8))),), ((1,),), 3)
        assert mixed[0]["mask"].shape == mixed[0]["image"].shape[1:]


def test_features_of_any_scale_count_alike():
    generator = torch.Generator().manual_seed(0)
    made, real = torch.rand(2, 50, 3, generator=generator)
    scale = torch.tensor([1.0, 100.0, 0.01])
    for plain, scaled in zip(
        standardize(made, real), standardize(scale * made + 5, scale * real + 5), strict=True
    ):
        torch.testing.assert_close(plain, scaled, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(standardize(made, real)[1].std(dim=0), torch.ones(3))
