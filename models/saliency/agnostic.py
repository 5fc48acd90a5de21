"""Low-level saliency as a scorer: the seed of the original STC (Wei et al., PAMI 2017)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tag2mask.models.saliency.boundary import boundary_saliency
from tag2mask.models.tagging import Tagger


class ClassAgnostic:
    """Gives every tag the same map, which is right for images with one tag alone.

    Args:
        tagger: Not used, because nothing is learnt.
    """

    def __init__(self, tagger: Tagger | None = None) -> None:
        del tagger

    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) in [0, 1] for (3, H, W) in [0, 255]; see :class:`Scorer`."""
        pixels = image.permute(1, 2, 0).clamp(0, 255).byte().cpu().numpy()
        saliency = torch.from_numpy(boundary_saliency(np.ascontiguousarray(pixels)))
        return saliency.to(image.device).expand(len(classes), -1, -1)
