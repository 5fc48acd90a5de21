"""DeepLab-LargeFOV (Chen et al., ICLR 2015, section 4.1): dilation for a large field of view."""

from __future__ import annotations

from torch import Tensor, nn

from tag2mask.models.backbones.base import Backbone
from tag2mask.models.segmentation.base import DROPOUT, Segmenter, initialize

RATE = 12  # dilation of fc6 at stride 8, in pixels of the feature map
WIDTH = 1024  # channels of fc6 and fc7 on VGG-16


class DeepLabLargeFov(Segmenter):
    """DeepLab v1: VGG's fully connected layers as one 3x3 convolution with large holes.

    The dilation is given in pixels of the image (12 at stride 8 = 96), so that the field of view
    is the same on backbones of another output stride.

    Args:
        backbone: The feature extractor.
        labels: Number of pixel values K, background included.
        width: Channels of fc6 and fc7.
        dropout: Share of values dropped after each, in [0, 1).
    """

    def __init__(
        self, backbone: Backbone, labels: int, *, width: int = WIDTH, dropout: float = DROPOUT
    ) -> None:
        super().__init__(backbone, labels, width=width, dropout=dropout)
        rate = max(1, RATE * 8 // backbone.output_stride)
        self.fc6 = nn.Conv2d(backbone.channels["c5"], width, 3, padding=rate, dilation=rate)
        self.fc7 = nn.Conv2d(width, width, 1)
        self.fc8 = nn.Conv2d(width, labels, 1)
        initialize(self.fc6, self.fc7, last=self.fc8)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), RGB in [0, 255], to logits (N, K, h, w) at output stride."""
        x = self.backbone(images)["c5"]
        x = self.dropout(self.fc6(x).relu())
        x = self.dropout(self.fc7(x).relu())
        return self.fc8(x)
