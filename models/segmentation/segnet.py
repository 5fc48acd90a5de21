"""SegNet (Badrinarayanan, Kendall & Cipolla, PAMI 2017): a decoder that reuses pool indices."""

from __future__ import annotations

from torch import Tensor, nn

from tag2mask.models.backbones.base import Backbone
from tag2mask.models.segmentation.base import DROPOUT, Segmenter, conv_bn_relu
from tag2mask.models.segmentation.unpooling import UnpoolingDecoder


class SegNet(Segmenter):
    """An encoder and its mirror, joined by the places of the maxima alone.

    In the survey the encoder stays as pretrained; the paper trains it. Here the recipe decides
    (``backbone.frozen``), as for every segmenter.

    Args:
        backbone: The encoder.
        labels: Number of pixel values K, background included.
        width: Without effect, because the decoder has the encoder's channels.
        dropout: Without effect, because the paper drops nothing.
    """

    def __init__(
        self, backbone: Backbone, labels: int, *, width: int = 0, dropout: float = DROPOUT
    ) -> None:
        super().__init__(backbone, labels, width=width, dropout=dropout)
        self.decoder = UnpoolingDecoder(backbone, conv_bn_relu)
        self.classifier = nn.Conv2d(backbone.channels["c2"], labels, 3, padding=1)

    @property
    def stride(self) -> int:
        """Stride of the finest stage, in pixels."""
        return self.backbone.strides["c2"]

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), RGB in [0, 255], to logits (N, K, h, w)."""
        features = self.backbone(images)
        return self.classifier(self.decoder(features["c5"], features))
