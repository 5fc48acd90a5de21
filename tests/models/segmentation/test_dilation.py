"""The context module of Dilation."""

import torch

from tag2mask.models.segmentation.dilation import ContextModule


@torch.no_grad()
def test_it_starts_as_the_identity():
    x = torch.rand(2, 4, 20, 30, generator=torch.Generator().manual_seed(0))
    assert torch.equal(ContextModule(4)(x), x)


@torch.no_grad()
def test_sixty_seven_pixels_see_each_other():
    """Table 1 of the paper: the receptive field of the module is 67 x 67."""
    module = ContextModule(1)
    for layer in module.layers:
        layer.weight.fill_(1)
    impulse = torch.zeros(1, 1, 101, 101)
    impulse[0, 0, 50, 50] = 1
    rows = module(impulse)[0, 0].sum(dim=1).nonzero().flatten()
    assert rows[-1] - rows[0] + 1 == 67


def test_on_coarser_maps_the_field_covers_the_same_part_of_the_image():
    reaches = {
        stride: stride * sum(layer.dilation[0] for layer in ContextModule(2, stride).layers)
        for stride in (8, 16)
    }
    assert reaches[8] == 8 * 33
    assert reaches[8] <= reaches[16] <= 1.2 * reaches[8]
