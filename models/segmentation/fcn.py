"""Fully convolutional networks (Long, Shelhamer & Darrell, CVPR 2015): FCN-32s, -16s, -8s."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from tag2mask.models.backbones.base import Backbone
from tag2mask.models.segmentation.base import DROPOUT, Segmenter, initialize

WIDTH = 4096  # channels of fc6 and fc7 on VGG-16


class Fcn(Segmenter):
    """A classifier as convolutions, whose scores are upsampled by learnt filters.

    Scores of finer stages are added before each doubling (section 4.2). Their layers start at
    zero, and the upsampling starts as bilinear interpolation, so that training begins with the
    coarse prediction.

    Args:
        backbone: The feature extractor; the paper's has an output stride of 32.
        labels: Number of pixel values K, background included.
        width: Channels of fc6 and fc7.
        dropout: Share of values dropped after each, in [0, 1).
    """

    scored: ClassVar[tuple[str, ...]]  # stages whose scores count, coarsest first

    def __init__(
        self, backbone: Backbone, labels: int, *, width: int = WIDTH, dropout: float = DROPOUT
    ) -> None:
        super().__init__(backbone, labels, width=width, dropout=dropout)
        self.fc6 = nn.Conv2d(backbone.channels["c5"], width, 7, padding=3)
        self.fc7 = nn.Conv2d(width, width, 1)
        coarse, *finer = self.scored
        last = nn.Conv2d(width, labels, 1)
        self.score = nn.ModuleDict({coarse: last})
        self.upscore = nn.ModuleDict()
        stride = backbone.strides[coarse]
        for stage in finer:
            self.upscore[stage] = bilinear_upsampling(labels, stride // backbone.strides[stage])
            score = nn.Conv2d(backbone.channels[stage], labels, 1)
            for parameter in score.parameters():
                nn.init.zeros_(parameter)
            self.score[stage] = score
            stride = backbone.strides[stage]
        self.last_upscore = bilinear_upsampling(labels, stride)
        initialize(self.fc6, self.fc7, last=last)

    @property
    def stride(self) -> int:
        """A stride of one pixel, because the upsampling is part of the network."""
        return 1

    def scores(self, images: Tensor) -> Tensor:
        """Logits (N, K, h, w) at the stride of the finest scored stage."""
        features = self.backbone(images)
        x = self.dropout(self.fc6(features["c5"]).relu())
        x = self.dropout(self.fc7(x).relu())
        coarse, *finer = self.scored
        x = self.score[coarse](x)
        for stage in finer:
            skip = self.score[stage](features[stage])
            x = cropped(self.upscore[stage](x), skip) + skip
        return x

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), RGB in [0, 255], to logits (N, K, H, W)."""
        return cropped(self.last_upscore(self.scores(images)), images)


class Fcn32s(Fcn):
    """Scores of the last stage alone."""

    scored = ("c5",)


class Fcn16s(Fcn):
    """Adds the scores of the stage before (pool4)."""

    scored = ("c5", "c4")


class Fcn8s(Fcn):
    """Adds the scores of two more stages (pool4 and pool3)."""

    scored = ("c5", "c4", "c3")


def bilinear_upsampling(channels: int, factor: int) -> nn.Module:
    """A transposed convolution that starts as bilinear interpolation by an even factor.

    Args:
        channels: Channels of input and output; each starts connected to itself alone.
        factor: 1 for stages of equal size, else even.

    Raises:
        ValueError: If the factor is odd and not one.
    """
    if factor == 1:
        return nn.Identity()
    if factor % 2:
        raise ValueError(f"the factor of upsampling must be 1 or even, not {factor}")
    layer = nn.ConvTranspose2d(
        channels, channels, 2 * factor, stride=factor, padding=factor // 2, bias=False
    )
    places = torch.arange(2 * factor) - (factor - 0.5)
    triangle = 1 - places.abs() / factor
    with torch.no_grad():
        layer.weight.zero_()
        for channel in range(channels):
            layer.weight[channel, channel] = triangle[:, None] * triangle[None]
    return layer


def cropped(x: Tensor, like: Tensor) -> Tensor:
    """The top left part of ``x`` in the size of ``like``, because sizes are rounded up."""
    return x[..., : like.shape[-2], : like.shape[-1]]
