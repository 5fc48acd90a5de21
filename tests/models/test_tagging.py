"""The tagger's poolings against direct formulas, and its loss against torch."""

import math

import pytest
import torch
from torch import nn

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.tagging import (
    POOLINGS,
    Tagger,
    average_pool,
    log_sum_exp_pool,
    max_pool,
    tagging_loss,
)
from tests.models.randomized import assert_same, random_images, random_tagger


@pytest.fixture
def class_maps():
    return 3 * torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("sharpness", [0.5, 5.0])
def test_poolings_place_by_place(class_maps, sharpness):
    for image, maps in enumerate(class_maps.tolist()):
        for channel, rows in enumerate(maps):
            values = [value for row in rows for value in row]
            mean_exp = sum(math.exp(sharpness * value) for value in values) / len(values)
            at = (image, channel)
            assert max_pool(class_maps)[at] == pytest.approx(max(values))
            assert average_pool(class_maps)[at] == pytest.approx(sum(values) / 20, abs=1e-6)
            pooled = log_sum_exp_pool(class_maps, sharpness)[at]
            assert pooled == pytest.approx(math.log(mean_exp) / sharpness, abs=1e-5)


def test_log_sum_exp_lies_between_its_limits(class_maps):
    maps = class_maps.double()
    assert torch.allclose(log_sum_exp_pool(maps, 1e-6), average_pool(maps), atol=1e-4)
    assert torch.allclose(log_sum_exp_pool(maps, 1e4), max_pool(maps), atol=1e-3)
    pooled = log_sum_exp_pool(maps)
    assert (average_pool(maps) < pooled).all()
    assert (pooled < max_pool(maps)).all()


def test_log_sum_exp_of_large_logits_is_finite():
    assert log_sum_exp_pool(torch.full((1, 1, 2, 2), 1000.0)).item() == pytest.approx(1000)


@pytest.mark.parametrize("pooling", sorted(POOLINGS))
def test_constant_maps_pool_to_their_value(pooling):
    maps = torch.full((2, 3, 4, 4), -1.5)
    assert torch.allclose(POOLINGS[pooling](maps), torch.full((2, 3), -1.5), atol=1e-5)


@pytest.mark.parametrize("pooling", sorted(POOLINGS))
def test_tagger(pooling):
    tagger = random_tagger(classes=5, pooling=pooling)
    images = random_images(2, 3, 41, 33)
    logits, class_maps = tagger(images)
    assert class_maps.shape == (2, 5, 6, 5)
    assert torch.equal(logits, POOLINGS[pooling](class_maps))
    # Class maps are the features weighted by the classifier: CAM's definition.
    features = tagger.backbone(images)["c5"]
    weighted = torch.einsum("nchw,kc->nkhw", features, tagger.classifier.weight[:, :, 0, 0])
    assert_same(class_maps, weighted + tagger.classifier.bias[:, None, None])


def test_unknown_pooling_is_refused():
    with pytest.raises(KeyError):
        Tagger(BACKBONES["tiny"](), 2, pooling="median")


def test_loss_is_the_mean_of_binary_cross_entropies():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(4, 3, generator=generator)
    targets = torch.randint(0, 2, (4, 3), generator=generator).float()
    expected = nn.BCELoss()(logits.sigmoid(), targets)
    assert tagging_loss(logits, targets) == pytest.approx(float(expected), rel=1e-5)


def test_loss_teaches_a_tagger():
    torch.manual_seed(0)
    tagger = Tagger(BACKBONES["tiny"](), 2, "log_sum_exp")
    images = torch.zeros(4, 3, 16, 16)
    images[:2, 0] = 255
    images[2:, 2] = 255
    targets = torch.tensor([[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 2)
    optimizer = torch.optim.SGD(tagger.parameters(), lr=0.1, momentum=0.9)
    for _ in range(20):
        optimizer.zero_grad()
        loss = tagging_loss(tagger(images).logits, targets)
        loss.backward()
        optimizer.step()
    assert loss < 0.1
