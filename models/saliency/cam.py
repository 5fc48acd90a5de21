"""Class Activation Maps (Zhou et al., CVPR 2016), the reference scorer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from models.tagging import Tagger


class Cam:
    """The classifier's class maps, rectified, summed over scales and divided by their maximum.

    Args:
        tagger: Whose last layer is a 1x1 convolution before the pooling.
        size: Longer side to which pictures are brought, in pixels.
        scales: Sizes relative to ``size``; several are summed (Ahn et al., CVPR 2019).
    """

    def __init__(
        self, tagger: Tagger, *, size: int = 500, scales: Sequence[float] = (1.0,)
    ) -> None:
        self.tagger = tagger.eval().to(memory_format=torch.channels_last)
        self.size = size
        self.scales = tuple(scales)

    @torch.no_grad()
    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) in [0, 1] for (3, H, W) in [0, 255]; see :class:`Scorer`."""
        total = torch.zeros(len(classes), *image.shape[1:], device=image.device)
        for scale in self.scales:
            factor = scale * self.size / max(image.shape[1:])
            size = tuple(max(1, round(extent * factor)) for extent in image.shape[1:])
            scaled = interpolate(image[None], size, mode="bilinear", align_corners=False)
            maps = self.tagger(scaled.contiguous(memory_format=torch.channels_last)).class_maps
            resized = interpolate(maps[:, classes], total.shape[1:], mode="bilinear")
            total += resized[0].clamp(min=0)
        highest = total.amax(dim=(1, 2), keepdim=True)
        return total / highest.clamp(min=torch.finfo().tiny)
