"""Gradients at the pixels against captum's, and the graph cut on them."""

import copy

import numpy as np
import pytest
import torch
from captum.attr import Deconvolution, GuidedBackprop, Saliency

from tag2mask.models.saliency.grabcut import grab_cut
from tag2mask.models.saliency.gradients import Deconvnet, Gradient, gradients
from tag2mask.models.saliency.gradients import GuidedBackprop as Guided
from tests.models.randomized import assert_same, random_images, random_tagger


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU")
@pytest.mark.parametrize(
    ("ours", "theirs"), [(Gradient, Saliency), (Guided, GuidedBackprop), (Deconvnet, Deconvolution)]
)
@pytest.mark.parametrize("pooling", ["max", "log_sum_exp"])
def test_agrees_with_captum(ours, theirs, pooling):
    tagger = random_tagger(pooling=pooling)
    image, classes = random_images(3, 48, 40), torch.tensor([4, 1])
    found = gradients(ours(tagger).tagger, image, classes, size=48)

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.tagger = copy.deepcopy(tagger)

        def forward(self, images):
            return self.tagger(images).logits

    for mine, index in zip(found, classes.tolist(), strict=True):
        method = theirs(Logits())
        settings = {"abs": False} if theirs is Saliency else {}
        reference = method.attribute(image[None].clone().requires_grad_(), index, **settings)[0]
        assert reference.abs().max() > 0
        assert_same(mine, reference, tolerance=1e-4)


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A red disc on blue, with a saliency of its middle alone."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:60, :80]
    disc = (y - 30) ** 2 + (x - 45) ** 2 < 15**2
    pixels = np.where(disc[..., None], (200, 40, 40), (40, 60, 180)) + rng.normal(0, 6, (60, 80, 3))
    saliency = np.exp(-((y - 30) ** 2 + (x - 45) ** 2) / (2 * 7**2))
    return pixels.clip(0, 255).astype(np.uint8), saliency, disc


def test_the_cut_follows_the_colors():
    pixels, saliency, disc = scene()
    found = grab_cut(pixels, saliency)
    assert (found & disc).sum() / (found | disc).sum() > 0.95
    assert ((saliency > 0.5) & disc).sum() / disc.sum() < 0.5  # what a threshold alone finds


def test_a_flat_saliency_cuts_nothing():
    pixels, saliency, _ = scene()
    assert not grab_cut(pixels, np.ones_like(saliency)).any()
