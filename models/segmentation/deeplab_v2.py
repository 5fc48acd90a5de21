"""DeepLab v2 (Chen et al., PAMI 2018): atrous spatial pyramid pooling and three scales."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tag2mask.models.backbones.base import Backbone
from tag2mask.models.segmentation.base import DROPOUT, Segmenter, initialize

RATES = (6, 12, 18, 24)  # ASPP-L, in pixels of the feature map at stride 8
SCALES = (1.0, 0.75, 0.5)
WIDTH = 1024


class Aspp(nn.Module):
    """Branches of one kind with different fields of view, their logits summed.

    Args:
        channels: Channels of the features.
        labels: Number of logits K.
        width: Channels of fc6 and fc7 of each branch.
        stride: Stride of the features; the rates are the paper's, in pixels of the image.
        dropout: Share of values dropped, in [0, 1).
    """

    def __init__(self, channels: int, labels: int, width: int, stride: int, dropout: float) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            _branch(channels, labels, width, max(1, rate * 8 // stride), dropout) for rate in RATES
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to (N, K, h, w)."""
        return torch.stack([branch(x) for branch in self.branches]).sum(dim=0)


def _branch(channels: int, labels: int, width: int, rate: int, dropout: float) -> nn.Module:
    fc6 = nn.Conv2d(channels, width, 3, padding=rate, dilation=rate)
    fc7, fc8 = nn.Conv2d(width, width, 1), nn.Conv2d(width, labels, 1)
    initialize(fc6, fc7, last=fc8)
    return nn.Sequential(
        fc6, nn.ReLU(), nn.Dropout(dropout), fc7, nn.ReLU(), nn.Dropout(dropout), fc8
    )


class DeepLabV2(Segmenter):
    """ASPP on the image at three scales; the largest logits of each place count (section 4.2).

    Args:
        backbone: The feature extractor.
        labels: Number of pixel values K, background included.
        width: Channels of fc6 and fc7 of each branch.
        dropout: Share of values dropped after each, in [0, 1).
    """

    def __init__(
        self, backbone: Backbone, labels: int, *, width: int = WIDTH, dropout: float = DROPOUT
    ) -> None:
        super().__init__(backbone, labels, width=width, dropout=dropout)
        self.aspp = Aspp(backbone.channels["c5"], labels, width, backbone.output_stride, dropout)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), RGB in [0, 255], to logits (N, K, h, w) at output stride."""
        fused = self.aspp(self.backbone(images)["c5"])
        for scale in SCALES[1:]:
            smaller = interpolate(
                images, scale_factor=scale, mode="bilinear", align_corners=False, antialias=True
            )
            logits = self.aspp(self.backbone(smaller)["c5"])
            logits = interpolate(logits, fused.shape[2:], mode="bilinear", align_corners=False)
            fused = torch.maximum(fused, logits)
        return fused
