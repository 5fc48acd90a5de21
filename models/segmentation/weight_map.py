"""U-Net's weights of pixels (Ronneberger, Fischer & Brox, MICCAI 2015, equation 2)."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, label

BORDER = 10.0  # weight w0 of a border
WIDTH = 5.0  # width sigma of a border, in pixels
RAREST = 10.0  # largest weight of a rare class, the same as a border's
SMALLEST = 20  # least number of pixels of an object


def weight_map(mask: np.ndarray, ignore: int) -> np.ndarray:
    """w_c + w0 exp(-(d1 + d2)^2 / (2 sigma^2)), with d1 and d2 the distances to two objects.

    w_c balances the frequencies of the classes in the mask: the mean share of the classes divided
    by the class's own share. Objects are connected parts of one class, because a label map has no
    instances. The second term raises the weights between two objects.

    Args:
        mask: (H, W) class indices, 0 the background.
        ignore: The value of pixels without a label, which weigh nothing.

    Returns:
        (H, W) float32.
    """
    labeled = mask != ignore
    values, places, counts = np.unique(mask, return_inverse=True, return_counts=True)
    known = values != ignore
    if not known.any():
        return np.zeros(mask.shape, np.float32)
    shares = np.minimum(counts[known].mean() / counts, RAREST)
    weights = shares[places].reshape(mask.shape) + BORDER * _between(mask, ignore)
    return np.where(labeled, weights, 0).astype(np.float32)


def _between(mask: np.ndarray, ignore: int) -> np.ndarray:
    """The closeness of the two nearest objects, (H, W) in [0, 1]; 0 without two objects."""
    nearest = np.full((2, *mask.shape), np.inf)
    for value in np.unique(mask):
        if value in (0, ignore):
            continue
        parts, count = label(mask == value)
        sizes = np.bincount(parts.ravel())
        for part in range(1, count + 1):
            if sizes[part] >= SMALLEST:
                distance = distance_transform_edt(parts != part)
                nearest = np.sort([*nearest, distance], axis=0)[:2]
    return np.exp(-np.square(nearest.sum(axis=0)) / (2 * WIDTH**2))
