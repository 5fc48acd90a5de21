"""Mask cleaning: specks and holes of a label map take the label of the nearest other pixel."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

# Pixels that touch at a corner are one component, as in most viewers and in pycocotools' clients.
_EIGHT_NEIGHBORS = np.ones((3, 3), bool)


def clean_labels(labels: np.ndarray, min_component: float, min_hole: float) -> np.ndarray:
    """Remove small components of the classes and small components of the background.

    A removed pixel takes the label of the nearest pixel that stays. The largest component of
    each class always stays: the image has its tag, so a small object is no reason to lose it.

    Args:
        labels: (H, W) integers, 0 for background.
        min_component: Smallest area of a component of a class, as a share of the image.
        min_hole: Smallest area of a component of the background, as a share of the image.

    Returns:
        (H, W) of the same dtype; the given array itself where nothing is removed.
    """
    removed = np.zeros(labels.shape, bool)
    for label in np.unique(labels):
        share = min_component if label else min_hole
        removed |= _small_components(labels == label, share * labels.size)
    if not removed.any():
        return labels
    nearest = ndimage.distance_transform_edt(removed, return_distances=False, return_indices=True)
    cleaned: np.ndarray = labels[tuple(nearest)]
    return cleaned


def _small_components(region: np.ndarray, least: float) -> np.ndarray:
    """The pixels (H, W) of a region's components under an area in pixels, but the largest one."""
    components, count = ndimage.label(region, _EIGHT_NEIGHBORS)
    if count < 2:
        return np.zeros(region.shape, bool)
    areas = np.bincount(components.ravel())
    small = areas < least
    small[0] = False
    small[1 + areas[1:].argmax()] = False
    chosen: np.ndarray = small[components]
    return chosen
