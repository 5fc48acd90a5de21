"""Gradients as the seeds of a graph cut (Simonyan et al., ICLRw 2014, section 3.2)."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from tag2mask.models.saliency.gradients import Gradient

FOREGROUND = 0.95  # quantile of the gradient above which a pixel is certainly object
BACKGROUND = 0.30  # quantile of the gradient below which a pixel is certainly background
ITERATIONS = 5


class GradientGrabCut(Gradient):
    """GrabCut (Rother et al., SIGGRAPH 2004) from the strongest and weakest gradients.

    Color models of the certain pixels classify the others. The largest connected component is
    kept. The maps are binary.
    """

    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) of zeros and ones for (3, H, W) in [0, 255]; see :class:`Scorer`."""
        maps = super().__call__(image, classes).cpu().numpy()
        pixels = image.permute(1, 2, 0).clamp(0, 255).byte().cpu().numpy()
        cut = np.stack([grab_cut(np.ascontiguousarray(pixels), one) for one in maps])
        return torch.from_numpy(cut.astype(np.float32)).to(image.device)


def grab_cut(pixels: np.ndarray, saliency: np.ndarray) -> np.ndarray:
    """Cuts an image into object and background.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        saliency: (H, W) float.

    Returns:
        (H, W) bool; empty if the saliency is the same everywhere.
    """
    low, high = np.quantile(saliency, (BACKGROUND, FOREGROUND))
    trimap = np.full(saliency.shape, cv2.GC_PR_BGD, np.uint8)
    trimap[saliency <= low] = cv2.GC_BGD
    trimap[saliency >= high] = cv2.GC_FGD
    if high <= low or not (trimap == cv2.GC_FGD).any() or not (trimap == cv2.GC_BGD).any():
        return np.zeros(saliency.shape, bool)
    cv2.setRNGSeed(0)  # OpenCV's color models start from random clusters
    inside, outside = np.zeros((1, 65)), np.zeros((1, 65))
    unused = (0, 0, 0, 0)  # the rectangle for calls without a trimap
    cv2.grabCut(pixels, trimap, unused, outside, inside, ITERATIONS, cv2.GC_INIT_WITH_MASK)
    return _largest_component((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD))


def _largest_component(mask: np.ndarray) -> np.ndarray:
    count, parts, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return mask
    return parts == 1 + statistics[1:, cv2.CC_STAT_AREA].argmax()
