"""Features that are frozen, calibrated and comparable."""

import pytest
import torch

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.transformation.perceptual import Perceptual, photograph_noise
from tests.models.randomized import assert_same, random_tagger
from tests.models.scenes import scenes

STAGES = ("c0", "c1", "c2", "c3", "c4", "c5")


@pytest.fixture(scope="module", params=["tiny", "efficientnet_lite0"])
def features(request):
    return Perceptual(request.param, STAGES)


@torch.no_grad()
def test_stages_are_of_one_scale(features):
    for stage, values in features(photograph_noise(4, 64, seed=1)).items():
        assert 0.7 < values.square().mean() < 1.4, stage
    for stage, values in features(scenes(4, seed=0)["image"]).items():
        assert 0.2 < values.square().mean() < 5, stage


@torch.no_grad()
@pytest.mark.parametrize("size", [(64, 64), (45, 33)])
def test_shapes(features, size):
    found = features(torch.zeros(2, 3, *size))
    assert [*found] == [*STAGES]
    for stage, values in found.items():
        places = [-(-extent // features.strides[stage]) for extent in size]
        assert [*values.shape] == [2, features.channels[stage], *places]


@torch.no_grad()
def test_images_keep_their_differences_to_the_top(features):
    """Filters without calibrated statistics would make all images look the same."""
    for stage, values in features(scenes(6, seed=0)["image"]).items():
        share = values.var(dim=0).mean() / values.square().mean()
        assert share > 0.02, stage


@torch.no_grad()
def test_agrees_with_the_backbone():
    backbone = BACKBONES["efficientnet_lite0"](pretrained=True).eval()
    ours = Perceptual("efficientnet_lite0", ("c4", "c2"))
    assert len(ours.layers) < len(backbone.layers)
    images = scenes(2, seed=0)["image"]
    theirs = backbone(127.5 * (images + 1))
    for scale, (stage, values) in zip(ours.scales, ours(images).items(), strict=True):
        assert_same(values / scale, theirs[stage])


def test_nothing_in_it_ever_moves(features):
    kept = {key: value.clone() for key, value in features.state_dict().items()}
    images = scenes(2, seed=0)["image"].requires_grad_()
    sum(values.mean() for values in features.train()(images).values()).backward()
    assert images.grad is not None
    assert not any(parameter.requires_grad for parameter in features.parameters())
    assert all(torch.equal(value, kept[key]) for key, value in features.state_dict().items())


@torch.no_grad()
def test_filters_follow_the_seed():
    images = scenes(2, seed=0)["image"]
    first, again, other = (Perceptual("tiny", ("c3",), seed)(images)["c3"] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=0.1)


@torch.no_grad()
def test_a_taggers_backbone_is_adopted():
    tagger = random_tagger("tiny")
    features = Perceptual("tiny", ("c3",))
    features.adopt(tagger.backbone)
    images = scenes(2, seed=0)["image"]
    theirs = tagger.backbone(127.5 * (images + 1))["c3"]
    assert_same(features(images)["c3"] / features.scales, theirs)
    assert 0.7 < features(photograph_noise(4, 64, seed=1))["c3"].square().mean() < 1.4


def test_unknown_names():
    with pytest.raises(KeyError, match="vgg99"):
        Perceptual("vgg99", ("c2",))
    with pytest.raises(KeyError, match="c9"):
        Perceptual("tiny", ("c9",))


def test_noise_has_the_spectrum_of_photographs():
    noise = photograph_noise(8, 64)
    assert noise.abs().max() <= 1
    power = torch.fft.rfft2(noise).abs().square().mean(dim=(0, 1))
    rows, columns = torch.fft.fftfreq(64), torch.fft.rfftfreq(64)
    frequency = torch.hypot(rows[:, None], columns)
    band = (frequency > 0.05) & (frequency < 0.3)
    slope = torch.linalg.lstsq(
        torch.stack([frequency[band].log(), torch.ones(int(band.sum()))], dim=1),
        power[band].log()[:, None],
    ).solution[0]
    assert -2.4 < slope < -1.6  # amplitudes of 1 / frequency
