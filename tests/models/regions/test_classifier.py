"""Descriptors and the linear classifier: lengths, the pixels they use, and a fit by hand."""

import numpy as np
import pytest
import torch

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.regions.classifier import RegionClassifier, painted, proposals
from tag2mask.models.regions.descriptors import DESCRIPTORS, box_of, length
from tag2mask.models.regions.tree import region_tree
from tag2mask.pipeline.synthetic.images import render
from tests.models.randomized import assert_same, random_images, randomize


@pytest.fixture(scope="module")
def backbone():
    return randomize(BACKBONES["tiny"]()).eval()


@pytest.fixture(scope="module")
def regions():
    masks = torch.zeros(4, 48, 64, dtype=torch.bool)
    masks[0, 8:40, 8:40] = True
    masks[1, 8:40, 8:40] = torch.eye(32, dtype=torch.bool)  # the same box, another region
    masks[2, :, 32:] = True
    masks[3, 20, 30] = True
    return masks


@pytest.mark.parametrize("name", sorted(DESCRIPTORS))
class TestDescriptor:
    @torch.no_grad()
    def test_one_row_for_each_region(self, name, backbone, regions):
        values = DESCRIPTORS[name](backbone, random_images(3, 48, 64), regions)
        assert values.shape == (4, length(name, backbone))
        assert values.isfinite().all()

    @torch.no_grad()
    def test_regions_do_not_depend_on_each_other(self, name, backbone, regions):
        image = random_images(3, 48, 64)
        together = DESCRIPTORS[name](backbone, image, regions)
        alone = [DESCRIPTORS[name](backbone, image, region[None]) for region in regions]
        assert_same(together, torch.cat(alone))

    @torch.no_grad()
    def test_descriptors_that_depend_on_the_region_inside_its_box(self, name, backbone, regions):
        values = DESCRIPTORS[name](backbone, random_images(3, 48, 64), regions[:2])
        sees_boxes_alone = name in ("rcnn", "spp")
        assert torch.allclose(values[0], values[1]) == sees_boxes_alone


def test_the_box_around_a_region(regions):
    assert box_of(regions[1]) == (8, 8, 40, 40)
    assert box_of(regions[3]) == (20, 30, 21, 31)


def test_a_fit_finds_overlaps_that_follow_from_the_features(backbone):
    torch.manual_seed(0)
    model = RegionClassifier(backbone, 3, "rcnn")
    features = torch.randn(200, model.linear.in_features)
    overlaps = (3 * features[:, :3]).softmax(dim=1)
    model.fit(features, overlaps)
    found = model(features).softmax(dim=1)
    assert (found - overlaps).abs().mean() < 0.1
    before = model.linear.weight.clone()
    model.fit(features, overlaps)
    assert torch.equal(model.linear.weight, before), "there is no randomness"


def test_proposals_leave_out_crumbs_and_the_whole():
    tree = region_tree(np.array(render(0, 0).image))
    shares = tree.areas[proposals(tree)] / tree.superpixels.size
    assert len(shares) > 10
    assert shares.min() >= 0.01
    assert shares.max() <= 0.95
    flat = region_tree(np.zeros((16, 16, 3), np.uint8))
    assert proposals(flat).tolist() == [0]


def test_the_likeliest_region_has_the_last_word():
    masks = np.zeros((3, 1, 4), bool)
    masks[0, :, :3] = masks[1, :, 1:3] = masks[2, :, 2:] = True
    probabilities = np.array([[0.4, 0.6, 0.0], [0.1, 0.2, 0.7], [0.9, 0.1, 0.0]])
    maps = painted(masks, probabilities)
    np.testing.assert_allclose(maps.sum(axis=0), 1)
    assert maps.argmax(axis=0).tolist() == [[1, 2, 2, 0]]
