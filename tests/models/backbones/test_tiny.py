"""The tiny backbone."""

import pytest
import torch

from tag2mask.models.backbones.tiny import tiny_backbone


def test_it_is_tiny():
    assert sum(parameter.numel() for parameter in tiny_backbone().parameters()) < 250_000


def test_batch_statistics_are_learnt():
    backbone = tiny_backbone().train()
    before = backbone.layers["conv5_2"][1].running_mean.clone()
    backbone(torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 255)
    assert not torch.equal(backbone.layers["conv5_2"][1].running_mean, before)


@pytest.mark.parametrize("output_stride", [4, 16])
def test_other_strides_are_refused(output_stride):
    with pytest.raises(ValueError, match=f"stride 8, not {output_stride}"):
        tiny_backbone(output_stride=output_stride)
