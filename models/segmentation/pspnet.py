"""PSPNet (Zhao et al., CVPR 2017): a pyramid of pooled context and an auxiliary loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from tag2mask.models.backbones.base import Backbone
from tag2mask.models.segmentation.base import DROPOUT, DeepSupervision, Segmenter, conv_bn_relu

BINS = (1, 2, 3, 6)
AUXILIARY_WEIGHT = 0.4
WIDTH = 512


class PyramidPooling(nn.Module):
    """Averages over grids of 1, 2, 3 and 6 cells a side, joined with the features.

    Args:
        channels: Channels of the features; each level is reduced to a quarter of them.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(conv_bn_relu(channels, channels // 4, 1) for _ in BINS)
        self.channels = channels + len(BINS) * (channels // 4)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C + 4 (C // 4), h, w)."""
        pooled = [
            interpolate(level(adaptive_avg_pool2d(x, bins)), x.shape[2:], mode="bilinear")
            for bins, level in zip(BINS, self.levels, strict=True)
        ]
        return torch.cat([x, *pooled], dim=1)


class PspNet(Segmenter):
    """Pyramid pooling on the last stage, and an auxiliary loss on the stage before.

    Args:
        backbone: The feature extractor.
        labels: Number of pixel values K, background included.
        width: Channels after the pyramid.
        dropout: Share of values dropped before the logits, in [0, 1).
    """

    def __init__(
        self, backbone: Backbone, labels: int, *, width: int = WIDTH, dropout: float = DROPOUT
    ) -> None:
        super().__init__(backbone, labels, width=width, dropout=dropout)
        self.pyramid = PyramidPooling(backbone.channels["c5"])
        self.classifier = _classifier(self.pyramid.channels, width, labels, dropout)
        before = backbone.channels["c4"]
        self.auxiliary = _classifier(before, max(1, before // 4), labels, dropout)

    def forward(self, images: Tensor) -> Tensor | DeepSupervision:
        """Images (N, 3, H, W), RGB in [0, 255], to logits (N, K, h, w) at output stride."""
        features = self.backbone(images)
        logits = self.classifier(self.pyramid(features["c5"]))
        if not self.training:
            return logits
        return DeepSupervision(logits, self.auxiliary(features["c4"]), AUXILIARY_WEIGHT)


def _classifier(inputs: int, width: int, labels: int, dropout: float) -> nn.Sequential:
    last = nn.Conv2d(width, labels, 1)
    nn.init.normal_(last.weight, std=0.01)
    return nn.Sequential(conv_bn_relu(inputs, width), nn.Dropout(dropout), last)
