"""Dilated front end and context module (Yu & Koltun, ICLR 2016)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tag2mask.models.backbones.base import Backbone
from tag2mask.models.segmentation.base import DROPOUT, Segmenter, initialize

STRIDE = 8  # output stride of the paper's backbone, for which dilations are given
CONTEXT = (1, 1, 2, 4, 8, 16, 1)  # dilations of the context module (table 1)
FRONT_RATE = 4  # dilation of fc6
WIDTH = 4096


class ContextModule(nn.Module):
    """Seven 3x3 convolutions of growing dilation and a 1x1 one, with a field of 67 pixels.

    The basic form has as many channels as there are labels. It starts as the identity on
    non-negative maps (equation 4), so that a trained front end is not changed at the start.

    Args:
        labels: Number of channels K.
        stride: Stride of the maps. On coarser maps than the paper's the dilations shrink, so that
            the field covers the same part of the image. Larger fields would reach zeros alone.
    """

    def __init__(self, labels: int, stride: int = STRIDE) -> None:
        super().__init__()
        dilations = [max(1, dilation * STRIDE // stride) for dilation in CONTEXT]
        self.layers = nn.ModuleList(
            nn.Conv2d(labels, labels, 3, padding=dilation, dilation=dilation)
            for dilation in dilations
        )
        self.last = nn.Conv2d(labels, labels, 1)
        for layer in [*self.layers, self.last]:
            nn.init.dirac_(layer.weight)
            nn.init.constant_(layer.bias, 0)

    def forward(self, x: Tensor) -> Tensor:
        """(N, K, h, w) to the same shape."""
        for layer in self.layers:
            x = layer(x).relu()
        return self.last(x)


class FrontEnd(Segmenter):
    """VGG without its last pools, dilated instead: scores at output stride (section 4).

    Args:
        backbone: The feature extractor; the paper's has an output stride of 8.
        labels: Number of pixel values K, background included.
        width: Channels of fc6 and fc7.
        dropout: Share of values dropped after each, in [0, 1).
    """

    def __init__(
        self, backbone: Backbone, labels: int, *, width: int = WIDTH, dropout: float = DROPOUT
    ) -> None:
        super().__init__(backbone, labels, width=width, dropout=dropout)
        rate = max(1, FRONT_RATE * STRIDE // backbone.output_stride)
        self.fc6 = nn.Conv2d(backbone.channels["c5"], width, 7, padding=3 * rate, dilation=rate)
        self.fc7 = nn.Conv2d(width, width, 1)
        self.fc8 = nn.Conv2d(width, labels, 1, bias=False)
        initialize(self.fc6, self.fc7, last=self.fc8)
        # A context module's rectifiers pass positive scores alone, so scores that start below zero
        # would get no gradients. The paper trains the front end alone first.
        self.offset = nn.Parameter(torch.ones(labels, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), RGB in [0, 255], to logits (N, K, h, w) at output stride."""
        x = self.backbone(images)["c5"]
        x = self.dropout(self.fc6(x).relu())
        x = self.dropout(self.fc7(x).relu())
        return self.fc8(x) + self.offset


class Dilation(FrontEnd):
    """The front end, and the context module on its scores; see :class:`FrontEnd`."""

    def __init__(
        self, backbone: Backbone, labels: int, *, width: int = WIDTH, dropout: float = DROPOUT
    ) -> None:
        super().__init__(backbone, labels, width=width, dropout=dropout)
        self.context = ContextModule(labels, backbone.output_stride)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), RGB in [0, 255], to logits (N, K, h, w) at output stride."""
        return self.context(super().forward(images))
