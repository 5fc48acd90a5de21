"""U-Net (Ronneberger, Fischer & Brox, MICCAI 2015): a decoder with skips from every stage."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from tag2mask.models.backbones.base import Backbone
from tag2mask.models.segmentation.base import DROPOUT, Segmenter, conv_bn_relu
from tag2mask.models.segmentation.fcn import cropped
from tag2mask.models.segmentation.unpooling import STAGES

WIDTH = 256  # channels of the coarsest merged stage; the paper's finest has 64


class UNet(Segmenter):
    """Up-convolution, concatenation with the finer stage, two convolutions; stage by stage.

    The paper's convolutions shrink the image (572 to 388 pixels). These keep its size, as is usual
    on a pretrained backbone. The logits have the stride of the finest stage.

    Both inputs of a concatenation are normalized and rectified first, as in the paper's own
    encoder. The stages of a mobile backbone end with linear maps, and the finer maps have values
    several times larger than the upsampled ones. Without the normalization, the classes of the
    coarsest stage had little effect.

    Args:
        backbone: The contracting path.
        labels: Number of pixel values K, background included.
        width: Channels of the coarsest merged stage; each finer one has half of them.
        dropout: Without effect, because the paper drops nothing.
    """

    def __init__(
        self, backbone: Backbone, labels: int, *, width: int = WIDTH, dropout: float = DROPOUT
    ) -> None:
        super().__init__(backbone, labels, width=width, dropout=dropout)
        self.up = nn.ModuleDict()
        self.skip = nn.ModuleDict()
        self.merge = nn.ModuleDict()
        inputs = backbone.channels["c5"]
        for level, (coarse, fine) in enumerate(pairwise(STAGES)):
            outputs, step = (
                max(1, width >> level),
                backbone.strides[coarse] // backbone.strides[fine],
            )
            self.up[fine] = nn.Sequential(
                nn.ConvTranspose2d(inputs, outputs, step, stride=step, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            )
            known = backbone.channels[fine]
            self.skip[fine] = nn.Sequential(nn.BatchNorm2d(known), nn.ReLU())
            self.merge[fine] = nn.Sequential(
                conv_bn_relu(known + outputs, outputs), conv_bn_relu(outputs, outputs)
            )
            inputs = outputs
        self.classifier = nn.Conv2d(inputs, labels, 1)

    @property
    def stride(self) -> int:
        """Stride of the finest stage, in pixels."""
        return self.backbone.strides["c2"]

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), RGB in [0, 255], to logits (N, K, h, w)."""
        features = self.backbone(images)
        x = features["c5"]
        for _, fine in pairwise(STAGES):
            skip = self.skip[fine](features[fine])
            x = self.merge[fine](torch.cat([skip, cropped(self.up[fine](x), skip)], dim=1))
        return self.classifier(x)
