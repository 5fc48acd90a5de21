"""Class weights for a loss, from the classes' areas in the masks."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
import torch
from torch import Tensor

from tag2mask.pipeline.dataset.rows import DatasetRows


def median_frequency(rows: DatasetRows) -> Tensor:
    """Compute class weights by median frequency balancing (Eigen & Fergus 2015, section 6.3.2).

    freq(c) is the number of pixels of c divided by the number of pixels of all images that show
    c. The weight is the median of the frequencies divided by freq(c).

    Args:
        rows: Rows of a dataset; only their small columns are read.

    Returns:
        (C + 1,) float32, background first; 0 for classes that no mask shows.
    """
    pixels, present = _pixels(rows)
    frequency = np.divide(pixels, present, out=np.zeros_like(pixels), where=present > 0)
    return _inverse(frequency, float(np.median(frequency[frequency > 0])))


def inverse_area(rows: DatasetRows) -> Tensor:
    """Compute class weights in inverse proportion to the classes' pixels, with a mean of one.

    Args:
        rows: Rows of a dataset; only their small columns are read.

    Returns:
        (C + 1,) float32, background first; 0 for classes that no mask shows.
    """
    pixels, _ = _pixels(rows)
    weights = _inverse(pixels, 1.0)
    return weights / weights[weights > 0].mean()


def _inverse(values: np.ndarray, numerator: float) -> Tensor:
    weights = np.divide(numerator, values, out=np.zeros_like(values), where=values > 0)
    return torch.from_numpy(weights.astype(np.float32))


def _pixels(rows: DatasetRows) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of each class, and pixels of all images that show it; (C + 1,) float64 each."""
    columns, count = rows.columns, len(rows.classes) + 1
    size = columns["height"].to_numpy().astype(np.float64) * columns["width"].to_numpy()
    image = pc.list_parent_indices(columns["classes"]).to_numpy()
    label = pc.list_flatten(columns["classes"]).to_numpy()
    area = pc.list_flatten(columns["area"]).to_numpy().astype(np.float64)
    pixels = np.bincount(label, area * size[image], count)
    present = np.bincount(label, size[image], count)
    # The rest of the image, neither a class nor ignored, is background.
    share = 1 - columns["ignored"].to_numpy().astype(np.float64)
    share -= np.bincount(image, area, len(size))
    background = np.where(share > 1e-6, share, 0)  # areas are stored in single precision
    pixels[0] = (background * size).sum()
    present[0] = size[background > 0].sum()
    return pixels, present
