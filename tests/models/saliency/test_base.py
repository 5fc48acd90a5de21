"""Properties of every saliency scorer; a new member is tested as soon as it is registered."""

import inspect

import pytest
import torch

from tag2mask.models.saliency import SCORERS
from tests.models.randomized import random_images, random_tagger

SMALL = {"canvas": 48, "size": 48}  # pixels, for the members that have such a setting


@pytest.fixture(scope="module", params=sorted(SCORERS))
def scorer(request):
    build = SCORERS[request.param]
    known = inspect.signature(build).parameters
    return build(random_tagger(), **{name: SMALL[name] for name in SMALL if name in known})


class TestScorer:
    @pytest.mark.parametrize("size", [(40, 56), (61, 33)])
    @pytest.mark.parametrize("classes", [[3], [5, 0], [1, 2, 3, 4, 5]])
    def test_maps(self, scorer, size, classes):
        maps = scorer(random_images(3, *size), torch.tensor(classes))
        assert maps.shape == (len(classes), *size)
        assert maps.dtype == torch.float32
        assert maps.isfinite().all()
        assert maps.min() >= 0
        assert maps.max() <= 1
        assert not maps.requires_grad

    def test_the_order_of_the_classes_is_that_of_the_maps(self, scorer):
        image = random_images(3, 40, 56)
        maps = scorer(image, torch.tensor([4, 1, 2]))
        other = scorer(image, torch.tensor([2, 4, 1]))
        torch.testing.assert_close(other, maps[[2, 0, 1]], atol=1e-4, rtol=0)

    def test_the_same_image_gives_the_same_bits(self, scorer):
        image = random_images(3, 40, 56)
        classes = torch.tensor([0, 3])
        first = scorer(image, classes).clone()
        scorer(random_images(3, 33, 44, seed=1), torch.tensor([1]))
        assert torch.equal(scorer(image, classes), first)

    def test_the_image_is_not_changed(self, scorer):
        image = random_images(3, 40, 56)
        before = image.clone()
        scorer(image, torch.tensor([0]))
        assert torch.equal(image, before)

    def test_a_image_of_one_color(self, scorer):
        maps = scorer(torch.full((3, 40, 40), 128.0), torch.tensor([0, 1]))
        assert maps.isfinite().all()
        assert maps.min() >= 0
        assert maps.max() <= 1

    def test_a_image_of_few_pixels(self, scorer):
        assert scorer(random_images(3, 2, 9), torch.tensor([0])).shape == (1, 2, 9)
