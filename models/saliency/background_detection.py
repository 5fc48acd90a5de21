"""Background detection: the background cue of SEC (Kolesnikov & Lampert, ECCV 2016)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from tag2mask.models.saliency.scaling import scaled_to, unit_maps
from tag2mask.models.tagging import Tagger


class LogitGradient:
    """Gradients of all class maps together at a middle layer, the same for every tag.

    The map is |d (sum of all class maps) / d x| at the input of a layer, its maximum over the
    channels and the median of 3 x 3 places. The least salient 10 % of an image are background.

    Args:
        tagger: The multi-label classifier.
        size: Longer side of the resized images, in pixels.
        layer: Name of the layer whose input is read; by default the tap in the middle (conv4 of
            VGG-16).
    """

    def __init__(self, tagger: Tagger, *, size: int = 350, layer: str | None = None) -> None:
        self.tagger = tagger.eval().requires_grad_(False)
        self.size = size
        taps = tagger.backbone.taps
        self.layer = layer or taps[len(taps) // 2]

    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) in [0, 1] for (3, H, W) in [0, 255]; see :class:`Scorer`."""
        scaled = scaled_to(image, self.size)
        with torch.no_grad():
            lowest = self.tagger.backbone.below(scaled, self.layer)
        with torch.enable_grad():
            lowest = lowest.requires_grad_()
            top, _ = self.tagger.backbone.above(lowest, [self.layer])
            (gradient,) = torch.autograd.grad(self.tagger.classifier(top).sum(), lowest)
        strength = _median(gradient.abs().amax(dim=1, keepdim=True))
        maps = interpolate(strength, image.shape[1:], mode="bilinear", align_corners=False)[0]
        return unit_maps(maps).expand(len(classes), -1, -1)


def _median(maps: Tensor) -> Tensor:
    """The median of 3 x 3 places of (1, 1, h, w); the border is continued."""
    padded = pad(maps, (1, 1, 1, 1), mode="replicate")
    windows = padded.unfold(2, 3, 1).unfold(3, 3, 1).flatten(4)
    return windows.median(dim=4).values
