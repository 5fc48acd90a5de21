"""CAM against its formula: the classifier's weights over the last features."""

import pytest
import torch
from torch.nn.functional import interpolate

from tag2mask.models.saliency.cam import Cam
from tests.models.randomized import assert_same, random_images, random_tagger


@pytest.fixture(scope="module")
def tagger():
    return random_tagger(classes=5, pooling="average")


@torch.no_grad()
def formula(tagger, image, classes, size, scales):
    """M_c(x, y) = sum_k w_k^c f_k(x, y), equation 2 of the paper, summed over the scales."""
    weight = tagger.classifier.weight[:, :, 0, 0]
    total = torch.zeros(len(classes), *image.shape[1:])
    for scale in scales:
        sides = [round(side * scale * size / max(image.shape[1:])) for side in image.shape[1:]]
        features = tagger.backbone(interpolate(image[None], sides, mode="bilinear"))["c5"][0]
        for position, channel in enumerate(classes.tolist()):
            evidence = (weight[channel][:, None, None] * features).sum(dim=0)
            evidence = evidence + tagger.classifier.bias[channel]
            full = interpolate(evidence[None, None], image.shape[1:], mode="bilinear")[0, 0]
            total[position] += full.clamp(min=0)
    return torch.stack([one / one.max() if one.max() > 0 else one for one in total])


@pytest.mark.parametrize("scales", [(1.0,), (0.5, 1.0)])
@pytest.mark.parametrize("size", [64, 100])
def test_maps_are_those_of_the_formula(tagger, scales, size):
    image, classes = random_images(3, 48, 64), torch.tensor([3, 0])
    found = Cam(tagger, size=size, scales=scales)(image, classes)
    assert found.shape == (2, 48, 64)
    assert_same(found, formula(tagger, image, classes, size, scales))


def test_maps_lie_between_zero_and_one(tagger):
    found = Cam(tagger, size=64)(random_images(3, 33, 50), torch.arange(5))
    assert found.min() >= 0
    highest = set(found.amax(dim=(1, 2)).tolist())
    assert highest <= {0.0, 1.0}, "seen somewhere, or nowhere"
    assert 1.0 in highest


def test_a_class_without_activation_has_an_empty_map():
    tagger = random_tagger(classes=3)
    with torch.no_grad():
        tagger.classifier.weight[1] = 0
        tagger.classifier.bias[1] = -1
    found = Cam(tagger, size=64)(random_images(3, 32, 32), torch.tensor([0, 1]))
    assert not found[1].any()
    assert torch.isfinite(found).all()


def test_a_map_does_not_depend_on_the_other_tags(tagger):
    image = random_images(3, 32, 48)
    scorer = Cam(tagger, size=64)
    both = scorer(image, torch.tensor([4, 2]))
    torch.testing.assert_close(scorer(image, torch.tensor([2]))[0], both[1])


def test_it_leaves_no_graph(tagger):
    assert not Cam(tagger, size=64)(random_images(3, 32, 32), torch.tensor([0])).requires_grad
