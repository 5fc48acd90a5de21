"""Class-agnostic saliency as a scorer: the same map for every tag."""

import numpy as np
import torch

from tag2mask.models.saliency.agnostic import ClassAgnostic
from tag2mask.models.saliency.boundary import boundary_saliency


def red_square():
    """A red square on a gray gradient: (3, H, W) in [0, 255]."""
    image = np.tile(np.linspace(90, 110, 64, dtype=np.uint8)[None, :, None], (48, 1, 3))
    image[16:32, 24:44] = (200, 30, 30)
    return image


def test_every_tag_gets_the_low_level_map():
    image = red_square()
    maps = ClassAgnostic()(torch.from_numpy(image).permute(2, 0, 1).float(), torch.tensor([3, 1]))
    assert maps.shape == (2, 48, 64)
    assert maps.dtype == torch.float32
    np.testing.assert_array_equal(maps[0].numpy(), boundary_saliency(image))
    assert torch.equal(maps[0], maps[1])


def test_the_object_stands_out():
    maps = ClassAgnostic()(
        torch.from_numpy(red_square()).permute(2, 0, 1).float(), torch.tensor([0])
    )
    inside, whole = maps[0, 18:30, 26:42].mean(), maps[0].mean()
    assert inside > 0.9
    assert whole < 0.3


def test_it_takes_a_tagger_and_does_not_use_it():
    image = torch.from_numpy(red_square()).permute(2, 0, 1).float()
    tagger = object()  # anything: it is there for the shared signature
    assert torch.equal(
        ClassAgnostic(tagger)(image, torch.tensor([0])), ClassAgnostic()(image, torch.tensor([0]))
    )
