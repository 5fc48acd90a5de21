"""DeepLab v2: fields of view, and the fusion of scales."""

import torch

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.segmentation.deeplab_v2 import RATES, Aspp, DeepLabV2
from tests.models.randomized import random_images


@torch.no_grad()
def test_branches_see_the_rates_of_the_paper():
    aspp = Aspp(2, 3, width=4, stride=8, dropout=0.0).eval()
    assert [branch[0].dilation[0] for branch in aspp.branches] == list(RATES)
    impulse = torch.zeros(1, 2, 61, 61)
    impulse[..., 30, 30] = 1
    for branch, rate in zip(aspp.branches, RATES, strict=True):
        columns = branch[0](impulse).sub(branch[0].bias[:, None, None])[0, 0].sum(dim=0).nonzero()
        assert columns[-1] - columns[0] == 2 * rate


@torch.no_grad()
def test_logits_of_branches_are_summed():
    aspp = Aspp(2, 3, width=4, stride=16, dropout=0.0).eval()
    x = torch.rand(1, 2, 9, 9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(aspp(x), sum(branch(x) for branch in aspp.branches))


@torch.no_grad()
def test_every_place_takes_the_largest_of_three_scales():
    segmenter = DeepLabV2(BACKBONES["tiny"](), 3, width=8).eval()
    images = random_images(1, 3, 64, 64)
    single = segmenter.aspp(segmenter.backbone(images)["c5"])
    fused = segmenter(images)
    assert (fused >= single).all()
    assert (fused > single).any()
