"""PSPNet: the pyramid, and the loss of the stage before."""

import torch
from torch.nn.functional import cross_entropy

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.segmentation import SEGMENTERS, DeepSupervision
from tag2mask.models.segmentation.pspnet import BINS, PyramidPooling
from tag2mask.pipeline.training.losses import hard_loss
from tests.models.randomized import random_images


@torch.no_grad()
def test_levels_are_averages_of_their_cells():
    pyramid = PyramidPooling(8).eval()
    for level in pyramid.levels:
        torch.nn.init.zeros_(level[0].weight)
        level[0].weight[0, 0] = 1  # its first channel is the average of the first feature
    x = torch.rand(1, 8, 12, 12, generator=torch.Generator().manual_seed(0))
    pooled = pyramid(x)
    assert pooled.shape == (1, pyramid.channels, 12, 12)
    assert torch.equal(pooled[:, :8], x)
    for index, bins in enumerate(BINS):
        first = pooled[0, 8 + index * 2, 0, 0]
        cell = x[0, 0, : 12 // bins, : 12 // bins].mean()
        torch.testing.assert_close(first, cell / (1 + 1e-5) ** 0.5)


def test_the_auxiliary_loss_counts_two_fifths():
    segmenter = SEGMENTERS["pspnet"](BACKBONES["tiny"](), 3, width=8).train()
    output = segmenter(random_images(2, 3, 64, 64))
    assert isinstance(output, DeepSupervision)
    targets = torch.randint(0, 3, (2, 8, 8), generator=torch.Generator().manual_seed(0))
    both = cross_entropy(output.logits, targets) + 0.4 * cross_entropy(output.auxiliary, targets)
    torch.testing.assert_close(hard_loss(output, targets).value, both)
