"""A classifier as a segmenter: its last layer at every place."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tag2mask.models.backbones.base import Backbone
from tag2mask.models.segmentation.base import DROPOUT, Segmenter, initialize
from tag2mask.models.tagging import Tagger


class Pointwise(Segmenter):
    """A fully convolutional classifier (Long et al., CVPR 2015, section 3.1).

    Its scores are those of one linear layer at each place of the backbone's last stage, as in a
    tagger's class maps.

    Args:
        backbone: The feature extractor.
        labels: Number of pixel values K, background included.
        width: Unused, because there are no layers between the backbone and the logits.
        dropout: Share of the backbone's values dropped, in [0, 1).
    """

    def __init__(
        self, backbone: Backbone, labels: int, *, width: int = 0, dropout: float = DROPOUT
    ) -> None:
        super().__init__(backbone, labels, width=width, dropout=dropout)
        self.score = nn.Conv2d(backbone.channels["c5"], labels, 1)
        initialize(last=self.score)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), RGB in [0, 255], to logits (N, K, h, w) at output stride."""
        return self.score(self.dropout(self.backbone(images)["c5"]))

    @torch.no_grad()
    def take(self, tagger: Tagger) -> None:
        """Starts as a tagger on the same backbone, with a background of zeros.

        MIL-FCN (Pathak et al., ICLR workshop 2015) starts as an ImageNet classifier in the same
        way. A loss of tags alone does not locate a class, so only the start keeps it at its object.

        Args:
            tagger: The tagger of the K - 1 foreground classes.
        """
        self.backbone.load_state_dict(tagger.backbone.state_dict())
        for own, other in zip(self.score.parameters(), tagger.classifier.parameters(), strict=True):
            own[0] = 0
            own[1:] = other
