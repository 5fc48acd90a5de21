"""Localization by global max pooling (Oquab et al., CVPR 2015): the class probabilities."""

from __future__ import annotations

import torch
from torch import Tensor

from tag2mask.models.saliency.scaling import summed_class_maps
from tag2mask.models.tagging import Tagger

SCALES = (0.7, 1.0, 1.4)


class ClassProbabilities:
    """The sigmoid of the class maps, averaged over scales, as in the paper.

    It is meant for a tagger with maximum pooling (``tagger.pooling=max``), whose maps are the
    probabilities of windows. Other poolings are accepted.

    Args:
        tagger: The multi-label classifier.
        size: Longer side of the resized images, in pixels.
        scales: Sizes relative to ``size``.
    """

    def __init__(
        self, tagger: Tagger, *, size: int = 350, scales: tuple[float, ...] = SCALES
    ) -> None:
        self.tagger = tagger.eval().to(memory_format=torch.channels_last)
        self.size = size
        self.scales = tuple(scales)

    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) in [0, 1] for (3, H, W) in [0, 255]; see :class:`Scorer`."""
        sizes = [scale * self.size for scale in self.scales]
        total = summed_class_maps(self.tagger, image, classes, sizes, torch.sigmoid)
        return (total / len(sizes)).clamp(0, 1)
