"""The signature that every segmenter shares."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import interpolate

from models.trunks.base import Trunk


class Segmenter(nn.Module):
    """A trunk and what turns its features into class logits.

    Members give ``head_parameters`` apart from the trunk's, since newly initialised layers
    learn with a higher rate than pretrained ones.

    Args:
        trunk: The feature extractor.
        labels: Number of pixel values K, background included.
        width: Channels of the layers between the trunk and the logits.
    """

    def __init__(self, trunk: Trunk, labels: int, *, width: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.labels = labels
        self.width = width

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), RGB in [0, 255], to logits (N, K, h, w) at the model's stride."""
        raise NotImplementedError

    def head_parameters(self) -> list[nn.Parameter]:
        """The parameters that are not the trunk's."""
        trunk = {id(parameter) for parameter in self.trunk.parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in trunk]

    def probabilities(self, images: Tensor) -> Tensor:
        """Softmax at full size: (N, 3, H, W) to (N, K, H, W), logits resized bilinearly."""
        logits = interpolate(self(images), images.shape[2:], mode="bilinear", align_corners=False)
        return logits.softmax(dim=1)
