"""A classifier turned into a segmenter: its last layer, on every place."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tag2mask.models.backbones.base import Backbone
from tag2mask.models.segmentation.base import DROPOUT, Segmenter, initialize
from tag2mask.models.tagging import Tagger


class Pointwise(Segmenter):
    """A fully convolutional classifier (Long et al., CVPR 2015, section 3.1).

    Its scores are those of one linear layer on each place of the backbone's last stage, which is
    what a tagger's class maps are.

    Args:
        backbone: The feature extractor.
        labels: Number of pixel values K, background included.
        width: Unused: there is nothing between the backbone and the logits.
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

        MIL-FCN (Pathak et al., ICLR workshop 2015) starts as an ImageNet classifier likewise:
        where a loss knows the tags alone, only the start keeps a class where its object is.

        Args:
            tagger: For the K - 1 foreground classes.
        """
        self.backbone.load_state_dict(tagger.backbone.state_dict())
        for own, other in zip(self.score.parameters(), tagger.classifier.parameters(), strict=True):
            own[0] = 0
            own[1:] = other
