"""Occlusion sensitivity against captum's, and against a network of known dependence."""

import pytest
import torch
from captum.attr import Occlusion as CaptumOcclusion
from torch import nn

from tag2mask.models.saliency.occlusion import GRAY, Occlusion
from tag2mask.models.tagging import Tags
from tests.models.randomized import assert_same, random_images, random_tagger


def test_agrees_with_captum():
    """Where squares do not overlap both give the loss of score itself."""
    tagger = random_tagger(pooling="average")
    image, size, patch = random_images(3, 48, 48), 48, 16
    ours = Occlusion(tagger, size=size, patch=patch, step=patch)(image, torch.tensor([2]))[0]
    method = CaptumOcclusion(lambda images: tagger(images).logits)
    with torch.no_grad():
        theirs = method.attribute(
            image[None],
            sliding_window_shapes=(3, patch, patch),
            strides=(3, patch, patch),
            baselines=GRAY,
            target=2,
        )[0, 0]
    theirs = theirs.clamp(min=0)
    assert_same(ours, theirs / theirs.max(), tolerance=1e-4)


class Window(nn.Module):
    """Scores the redness of one place."""

    def forward(self, images):
        maps = images[:, :1, 20:30, 30:40]
        return Tags(maps.mean(dim=(2, 3)), maps)


@pytest.mark.parametrize("step", [4, 7])
def test_the_place_that_counts_is_found(step):
    image = torch.zeros(3, 48, 64)
    image[0] = 255
    found = Occlusion(Window(), size=64, patch=10, step=step)(image, torch.tensor([0]))[0]
    row, column = divmod(int(found.argmax()), 64)
    assert 18 <= row < 32
    assert 28 <= column < 42
    assert found[0, 0] == 0
