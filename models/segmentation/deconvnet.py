"""DeconvNet (Noh, Hong & Han, ICCV 2015): unpooling and deconvolution from a bottleneck."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import pad

from tag2mask.models.backbones.base import Backbone
from tag2mask.models.segmentation.base import DROPOUT, Segmenter
from tag2mask.models.segmentation.fcn import cropped
from tag2mask.models.segmentation.unpooling import UnpoolingDecoder

WIDTH = 4096  # channels of fc6 and fc7 on VGG-16
BOTTLENECK = 7  # side of fc6, whose field is the whole of a 224-pixel crop


class DeconvNet(Segmenter):
    """The fully connected layers as a bottleneck, mirrored by deconvolutions with switches.

    The paper labels object proposals one by one. Like every segmenter here, this one is
    convolutional on whole images, so its bottleneck slides.

    Args:
        backbone: The encoder.
        labels: Number of pixel values K, background included.
        width: Channels of fc6 and fc7.
        dropout: Without effect, because batch normalization replaces it.
    """

    def __init__(
        self, backbone: Backbone, labels: int, *, width: int = WIDTH, dropout: float = DROPOUT
    ) -> None:
        super().__init__(backbone, labels, width=width, dropout=dropout)
        channels = backbone.channels["c5"]
        self.fc6 = nn.Sequential(
            nn.Conv2d(channels, width, BOTTLENECK, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.fc7 = nn.Sequential(
            nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.deconv_fc6 = nn.Sequential(
            nn.ConvTranspose2d(width, channels, BOTTLENECK, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        self.decoder = UnpoolingDecoder(backbone, _deconvolution)
        self.classifier = nn.Conv2d(backbone.channels["c2"], labels, 1)

    @property
    def stride(self) -> int:
        """Stride of the finest stage, in pixels."""
        return self.backbone.strides["c2"]

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), RGB in [0, 255], to logits (N, K, h, w)."""
        features = self.backbone(images)
        last = features["c5"]
        # An image smaller than the bottleneck's field is padded with zeros.
        missing = [max(0, BOTTLENECK - extent) for extent in last.shape[2:]]
        x = pad(last, (0, missing[1], 0, missing[0]))
        x = cropped(self.deconv_fc6(self.fc7(self.fc6(x))), last)
        return self.classifier(self.decoder(x, features))


def _deconvolution(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
