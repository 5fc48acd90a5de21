"""Objectness in a classifier's own activations (Saleh et al., ECCV 2016, section 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from tag2mask.models.saliency.scaling import scaled_to
from tag2mask.models.tagging import Tagger

STAGES = ("c4", "c5")


class Activation:
    """The mean activation over the channels of the last two stages, the same for every tag.

    Args:
        tagger: The multi-label classifier, whose backbone is read.
        size: Longer side of the resized images, in pixels.
    """

    def __init__(self, tagger: Tagger, *, size: int = 350) -> None:
        self.backbone = tagger.backbone.eval()
        self.size = size

    @torch.no_grad()
    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) in [0, 1] for (3, H, W) in [0, 255]; see :class:`Scorer`."""
        scaled = scaled_to(image, self.size)
        features = self.backbone(scaled)
        maps = [
            interpolate(_unit(features[stage].clamp(min=0)), image.shape[1:], mode="bilinear")
            for stage in STAGES
        ]
        return torch.stack(maps).mean(dim=0)[0].clamp(0, 1).expand(len(classes), -1, -1)


def _unit(features: Tensor) -> Tensor:
    """Mean over channels (1, 1, h, w), stretched from its minimum to its maximum."""
    mean = features.mean(dim=1, keepdim=True)
    low, high = mean.amin(), mean.amax()
    return (mean - low) / (high - low).clamp(min=torch.finfo().tiny)
