"""The signature that every segmenter shares."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.functional import interpolate

from tag2mask.models.backbones.base import Backbone

# Share of a head's values that the papers drop, one by one, as Caffe does. Dropping whole channels
# is too much for a narrow head: of twenty classes it learns half in the same time.
DROPOUT = 0.5


class DeepSupervision(NamedTuple):
    """The output of a segmenter with an auxiliary loss, in training.

    Attributes:
        logits: (N, K, h, w).
        auxiliary: (N, K, h', w') logits of a lower stage.
        weight: Weight of the auxiliary loss.
    """

    logits: Tensor
    auxiliary: Tensor
    weight: float


class Segmenter(nn.Module):
    """A backbone and a head from its features to class logits.

    ``head_parameters`` are separate from the backbone's, because new layers learn at a higher rate
    than pretrained ones.

    Args:
        backbone: The feature extractor.
        labels: Number of pixel values K, background included.
        width: Channels of the layers between the backbone and the logits.
        dropout: Share of the head's values that is dropped in training, in [0, 1); without
            effect if the paper drops none.
    """

    def __init__(
        self, backbone: Backbone, labels: int, *, width: int, dropout: float = DROPOUT
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.labels = labels
        self.width = width
        self.dropout = nn.Dropout(dropout)

    @property
    def stride(self) -> int:
        """Stride of the logits, in pixels of the image."""
        return self.backbone.output_stride

    def forward(self, images: Tensor) -> Tensor | DeepSupervision:
        """Images (N, 3, H, W), RGB in [0, 255], to logits (N, K, h, w) at the model's stride.

        In training a member may give :class:`DeepSupervision` instead.
        """
        raise NotImplementedError

    def head_parameters(self) -> list[nn.Parameter]:
        """The parameters that are not the backbone's."""
        backbone = {id(parameter) for parameter in self.backbone.parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in backbone]

    def probabilities(self, images: Tensor) -> Tensor:
        """Softmax at full size: (N, 3, H, W) to (N, K, H, W), logits resized bilinearly."""
        logits = interpolate(self(images), images.shape[2:], mode="bilinear", align_corners=False)
        return logits.softmax(dim=1)


def initialize(*hidden: nn.Conv2d, last: nn.Conv2d) -> None:
    """Draws the rectified layers of a new head by He et al. (2015) and small first logits."""
    for layer in hidden:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.normal_(last.weight, std=0.01)


def conv_bn_relu(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """A convolution that keeps the size, batch normalization and a rectifier."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
