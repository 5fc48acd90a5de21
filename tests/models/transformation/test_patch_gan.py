"""The discriminator's patches have exactly the sizes of the paper."""

import pytest
import torch

from tag2mask.models.transformation.mask_to_photo import MaskToPhoto
from tag2mask.models.transformation.patch_gan import PatchGan


@pytest.mark.parametrize(("layers", "side"), [(1, 16), (2, 34), (3, 70), (4, 142), (5, 286)])
def test_the_gradient_of_a_logit_has_the_support_of_its_patch(layers, side):
    torch.manual_seed(0)
    network = PatchGan(1, 2, layers).eval()
    image = torch.randn(1, 1, side + 2**layers, side + 2**layers + 80, requires_grad=True)
    logits = network(image)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    columns = image.grad[0, 0].abs().sum(dim=0).nonzero().flatten()
    assert columns[-1] - columns[0] + 1 == side == PatchGan.receptive_field(layers)


@pytest.mark.parametrize("layers", [1, 3])
def test_the_smallest_image_gives_one_logit(layers):
    side = PatchGan.smallest(layers)
    network = PatchGan(1, 2, layers).eval()
    assert network(torch.zeros(1, 1, side, side)).shape == (1, 1, 1, 1)
    with pytest.raises(RuntimeError):
        network(torch.zeros(1, 1, side - 2**layers, side - 2**layers))


def test_settings_refuse_patches_that_images_cannot_hold():
    with pytest.raises(ValueError, match="patch_layers=5 needs images of 96 pixels"):
        MaskToPhoto.settings_type(size=64, patch_layers=5)
