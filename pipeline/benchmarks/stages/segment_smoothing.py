"""Smoothing of predictions by segments of the image, in the place of a CRF."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from tag2mask.models.regions.smoothing import TreeSmoothing, segment_means
from tag2mask.models.weak.mil import with_image_prior
from tag2mask.pipeline.stages.relabel import Relabel
from tag2mask.pipeline.stages.segment import Segment


class SegmentWithPrior(Segment):
    """Pixel probabilities times those of the whole image (MIL-ILP, CVPR 2015, section 3.2)."""

    def logits(self, image: np.ndarray) -> Tensor:
        """Compute (K, h, w) log-probabilities with the prior of the image."""
        return with_image_prior(super().logits(image)[None])[0]


class RelabelSuperpixels(Relabel):
    """Means over superpixels (MIL-ILP-seg, Pinheiro & Collobert, CVPR 2015, section 3.3)."""

    def refine(
        self, images: Sequence[np.ndarray], probabilities: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """Average the probabilities over every superpixel."""
        return [segment_means(*pair) for pair in zip(images, probabilities, strict=True)]


class RelabelOnTree(Relabel):
    """Class scores from above and a segmentation tree from below (Borenstein et al., 2004)."""

    def refine(
        self, images: Sequence[np.ndarray], probabilities: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """Find the labels of least cost on each image's tree."""
        smooth = TreeSmoothing()
        return [smooth(*pair) for pair in zip(images, probabilities, strict=True)]
