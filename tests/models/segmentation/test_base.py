"""Properties of every segmenter; a new member is tested as soon as it is registered."""

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.segmentation import SEGMENTERS, Segmenter
from tests.models.randomized import random_images

LABELS = 5
WIDTH = 16


def build(name: str, seed: int = 0) -> Segmenter:
    torch.manual_seed(seed)
    return SEGMENTERS[name](BACKBONES["tiny"](), LABELS, width=WIDTH)


@pytest.fixture(params=sorted(SEGMENTERS))
def name(request):
    return request.param


@pytest.fixture
def segmenter(name):
    return build(name).eval()


class TestSegmenter:
    @pytest.mark.parametrize("size", [(64, 64), (50, 71)])
    @torch.no_grad()
    def test_logits(self, segmenter, size):
        logits = segmenter(random_images(2, 3, *size))
        places = tuple(-(-extent // segmenter.stride) for extent in size)
        assert logits.shape == (2, LABELS, *places)

    @pytest.mark.parametrize("size", [(64, 64), (50, 71)])
    @torch.no_grad()
    def test_probabilities(self, segmenter, size):
        probabilities = segmenter.probabilities(random_images(2, 3, *size))
        assert probabilities.shape == (2, LABELS, *size)
        assert probabilities.min() >= 0
        torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(2, *size))

    def test_every_parameter_learns(self, segmenter):
        segmenter.train()
        output = segmenter(random_images(2, 3, 64, 64))
        outputs = [output] if isinstance(output, Tensor) else [output.logits, output.auxiliary]
        sum(logits.square().sum() for logits in outputs).backward()
        for parameter_name, parameter in segmenter.named_parameters():
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.isfinite().all(), parameter_name

    def test_head_and_backbone_share_no_parameter(self, segmenter):
        head = {id(parameter) for parameter in segmenter.head_parameters()}
        backbone = {id(parameter) for parameter in segmenter.backbone.parameters()}
        assert head
        assert not head & backbone
        assert head | backbone == {id(parameter) for parameter in segmenter.parameters()}

    @torch.no_grad()
    def test_weights_survive_safetensors(self, name, segmenter):
        state = {key: values.contiguous() for key, values in segmenter.state_dict().items()}
        other = build(name, seed=1).eval()
        images = random_images(1, 3, 64, 64)
        assert not torch.equal(other(images), segmenter(images))
        other.load_state_dict(load(save(state)))
        assert torch.equal(other(images), segmenter(images))

    @torch.no_grad()
    def test_images_do_not_depend_on_their_batch(self, segmenter):
        images = random_images(3, 3, 40, 40)
        alone = torch.cat([segmenter.probabilities(image[None]) for image in images])
        torch.testing.assert_close(segmenter.probabilities(images), alone, atol=1e-5, rtol=0)

    @torch.no_grad()
    def test_same_seed_same_weights(self, name):
        one, other = build(name, seed=3).state_dict(), build(name, seed=3).state_dict()
        assert all(torch.equal(values, other[key]) for key, values in one.items())
