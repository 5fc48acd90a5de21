"""Class Activation Maps (Zhou et al., CVPR 2016), the reference scorer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tag2mask.models.saliency.scaling import summed_class_maps, unit_maps
from tag2mask.models.tagging import Tagger


class Cam:
    """The classifier's class maps, rectified, summed over scales and divided by their maximum.

    Args:
        tagger: The classifier, whose last layer is a 1x1 convolution before the pooling.
        size: Longer side of the resized images, in pixels.
        scales: Sizes relative to ``size``; several are summed (Ahn et al., CVPR 2019).
    """

    def __init__(
        self, tagger: Tagger, *, size: int = 500, scales: Sequence[float] = (1.0,)
    ) -> None:
        self.tagger = tagger.eval().to(memory_format=torch.channels_last)
        self.size = size
        self.scales = tuple(scales)

    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) in [0, 1] for (3, H, W) in [0, 255]; see :class:`Scorer`."""
        sizes = [scale * self.size for scale in self.scales]
        return unit_maps(summed_class_maps(self.tagger, image, classes, sizes, torch.relu))
