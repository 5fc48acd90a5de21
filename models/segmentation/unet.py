"""U-Net (Ronneberger, Fischer & Brox, MICCAI 2015): a decoder that sees every stage again."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from models.segmentation.base import DROPOUT, Segmenter, conv_bn_relu
from models.segmentation.fcn import cropped
from models.segmentation.unpooling import STAGES
from models.trunks.base import Trunk


class UNet(Segmenter):
    """Up-convolution, concatenation with the finer stage, two convolutions; stage by stage.

    The paper's convolutions shrink the picture (572 to 388 pixels); these keep its size, as
    is usual on a pretrained trunk. The logits stand at the stride of the finest stage.

    Args:
        trunk: The contracting path.
        labels: Number of pixel values K, background included.
        width: Without effect: each level has the channels of its stage.
        dropout: Without effect: the paper drops nothing.
    """

    def __init__(
        self, trunk: Trunk, labels: int, *, width: int = 0, dropout: float = DROPOUT
    ) -> None:
        super().__init__(trunk, labels, width=width, dropout=dropout)
        self.up = nn.ModuleDict()
        self.merge = nn.ModuleDict()
        for coarse, fine in pairwise(STAGES):
            inputs, outputs = trunk.channels[coarse], trunk.channels[fine]
            step = trunk.strides[coarse] // trunk.strides[fine]
            self.up[fine] = nn.ConvTranspose2d(inputs, outputs, step, stride=step)
            self.merge[fine] = nn.Sequential(
                conv_bn_relu(2 * outputs, outputs), conv_bn_relu(outputs, outputs)
            )
        self.classifier = nn.Conv2d(trunk.channels["c2"], labels, 1)

    @property
    def stride(self) -> int:
        """That of the finest stage."""
        return self.trunk.strides["c2"]

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), RGB in [0, 255], to logits (N, K, h, w)."""
        features = self.trunk(images)
        x = features["c5"]
        for _, fine in pairwise(STAGES):
            skip = features[fine]
            x = self.merge[fine](torch.cat([skip, cropped(self.up[fine](x), skip)], dim=1))
        return self.classifier(x)
