"""A tagger turned into a segmenter."""

import torch

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.segmentation.pointwise import Pointwise
from tag2mask.models.tagging import Tagger
from tests.models.randomized import random_images


@torch.no_grad()
def test_it_starts_as_the_class_maps_of_a_tagger_and_a_background_of_zeros():
    torch.manual_seed(1)
    tagger = Tagger(BACKBONES["tiny"](), 4).eval()
    torch.manual_seed(2)
    segmenter = Pointwise(BACKBONES["tiny"](), 5).eval()
    images = random_images(2, 3, 64, 48)
    assert not torch.equal(segmenter(images)[:, 1:], tagger(images).class_maps)
    segmenter.take(tagger)
    logits = segmenter(images)
    torch.testing.assert_close(logits[:, 1:], tagger(images).class_maps)
    assert not logits[:, 0].any()


def test_it_learns_apart_from_the_tagger_that_it_took():
    tagger = Tagger(BACKBONES["tiny"](), 4)
    segmenter = Pointwise(BACKBONES["tiny"](), 5)
    segmenter.take(tagger)
    before = [parameter.clone() for parameter in tagger.parameters()]
    segmenter(random_images(1, 3, 64, 64)).square().mean().backward()
    torch.optim.SGD(segmenter.parameters(), 1.0).step()
    assert all(torch.equal(*pair) for pair in zip(before, tagger.parameters(), strict=True))
    assert not torch.equal(segmenter.score.weight[1:], tagger.classifier.weight)
