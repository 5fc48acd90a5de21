"""Calibration: does a confidence of 0.9 mean that nine pixels in ten are right?

Guo et al. (ICML 2017), section 2, sort pixels into bins by confidence. In each bin, the gap is
the difference between the mean confidence and the share of right pixels. The expected
calibration error is the mean gap, weighted by the bins' pixels.

The confidence map has an eighth of the image's size: each pixel has the confidence of its
cell. Pixels without a label and void pixels do not count.

The confidence of an object promises its IoU, so there the gap is that of the mean confidence and
the mean IoU.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict

from tag2mask.pipeline.records import BACKGROUND, IGNORE

__all__ = [
    "BINS",
    "Calibration",
    "ObjectBin",
    "ObjectCalibration",
    "ReliabilityBin",
    "calibration",
    "confidence_counts",
    "object_calibration",
    "object_sums",
]

BINS = 10
_STEPS = 256  # a confidence map is 8-bit


class ReliabilityBin(BaseModel):
    """The pixels of one range of confidence; all bins have the same width.

    Args:
        low: Least confidence of the bin, included.
        high: Upper end of the bin, excluded; the last bin includes 1.
        pixels: Number of pixels in the bin.
        confidence: Mean confidence of the pixels; None without pixels.
        accuracy: Share of the pixels whose label is right; None without pixels.
    """

    model_config = ConfigDict(frozen=True)

    low: float
    high: float
    pixels: int
    confidence: float | None
    accuracy: float | None


class Calibration(BaseModel):
    """The reliability table of a set of masks.

    Args:
        bins: The bins from the lowest confidence to the highest.
        expected_error: Mean gap between confidence and accuracy, weighted by pixels; in [0, 1].
        confidence: Mean confidence of all pixels. Above ``accuracy``, the masks are overconfident.
        accuracy: Share of right pixels among all pixels.
        pixels: Number of compared pixels.
    """

    model_config = ConfigDict(frozen=True)

    bins: tuple[ReliabilityBin, ...]
    expected_error: float
    confidence: float
    accuracy: float
    pixels: int


def confidence_counts(
    ground_truth: np.ndarray, prediction: np.ndarray, confidence: np.ndarray
) -> np.ndarray:
    """Count the labeled pixels of one image by confidence, to be summed over images.

    Args:
        ground_truth: (H, W) uint8, a class or 255 for pixels that do not count.
        prediction: (H, W) uint8, a class or 255 for pixels without a label.
        confidence: (h, w) uint8 in steps of 1/255, on a coarser grid.

    Returns:
        (256, 2) int64: for each confidence, the number of pixels and the number of right pixels.
    """
    down, right = (
        ((np.arange(side) + 0.5) * cells / side).astype(np.intp)
        for side, cells in zip(ground_truth.shape, confidence.shape, strict=True)
    )
    counted = (ground_truth != IGNORE) & (prediction != IGNORE)
    values = confidence[np.ix_(down, right)]
    hit = counted & (ground_truth == prediction)
    return np.stack([np.bincount(values[pixels], minlength=_STEPS) for pixels in (counted, hit)], 1)


def calibration(counts: np.ndarray, bins: int = BINS) -> Calibration | None:
    """Compute the reliability table of a set of images.

    Args:
        counts: (256, 2) as :func:`confidence_counts` returns it, summed over images.
        bins: Number of bins of equal width over [0, 1].

    Returns:
        The table; None if there is no labeled pixel.
    """
    total, right = (int(value) for value in counts.sum(axis=0))
    if not total:
        return None
    values = np.arange(_STEPS)
    # In whole numbers: 51/255 belongs to the bin that begins with 0.2 in spite of rounding.
    homes = np.minimum(values * bins // (_STEPS - 1), bins - 1)
    table = []
    for index in range(bins):
        here = homes == index
        pixels, hits = (int(value) for value in counts[here].sum(axis=0))
        mass = float((values[here] * counts[here, 0]).sum()) / (_STEPS - 1)
        table.append(
            ReliabilityBin(
                low=index / bins,
                high=(index + 1) / bins,
                pixels=pixels,
                confidence=mass / pixels if pixels else None,
                accuracy=hits / pixels if pixels else None,
            )
        )
    gaps = [
        entry.pixels * abs(entry.confidence - entry.accuracy)
        for entry in table
        if entry.confidence is not None and entry.accuracy is not None
    ]
    return Calibration(
        bins=tuple(table),
        expected_error=sum(gaps) / total,
        confidence=float((values * counts[:, 0]).sum()) / (_STEPS - 1) / total,
        accuracy=right / total,
        pixels=total,
    )


class ObjectBin(BaseModel):
    """The objects of one range of confidence; all bins have the same width.

    Args:
        low: Least confidence of the bin, included.
        high: Upper end of the bin, excluded; the last bin includes 1.
        objects: Number of objects in the bin.
        confidence: Mean confidence of the objects; None without objects.
        iou: Mean IoU of the objects with the ground truth; None without objects.
    """

    model_config = ConfigDict(frozen=True)

    low: float
    high: float
    objects: int
    confidence: float | None
    iou: float | None


class ObjectCalibration(BaseModel):
    """The reliability table of the confidences of objects.

    Args:
        bins: The bins from the lowest confidence to the highest.
        expected_error: Mean gap between confidence and IoU, weighted by objects; in [0, 1].
        confidence: Mean confidence of all objects. Above ``iou``, the masks are overconfident.
        iou: Mean IoU of all objects.
        objects: Number of compared objects: each tag of each image with ground truth is one.
    """

    model_config = ConfigDict(frozen=True)

    bins: tuple[ObjectBin, ...]
    expected_error: float
    confidence: float
    iou: float
    objects: int


def object_sums(
    matrix: np.ndarray, confidences: Mapping[int, float], bins: int = BINS
) -> np.ndarray:
    """Sum the confidences and IoUs of one image's objects, to be summed over images.

    Args:
        matrix: (K + 1, K + 2) confusion matrix of the image, as
            :func:`tag2mask.pipeline.evaluation.voc.confusion` counts it.
        confidences: Confidence of each of the image's tags, by pixel value.
        bins: Number of bins of equal width over [0, 1].

    Returns:
        (bins, 3) float64: number of objects, sum of their confidences, and of their IoUs. A tag
        that neither the mask nor the ground truth shows does not count.
    """
    sums = np.zeros((bins, 3))
    for value, confidence in confidences.items():
        shared = matrix[value, value]
        union = matrix[value].sum() + matrix[:, value].sum() - shared
        if value != BACKGROUND and union:
            sums[min(bins - 1, int(confidence * bins))] += (1, confidence, shared / union)
    return sums


def object_calibration(sums: np.ndarray) -> ObjectCalibration | None:
    """Compute the reliability table of the objects of a set of images.

    Args:
        sums: (bins, 3) as :func:`object_sums` returns it, summed over images.

    Returns:
        The table; None if there is no object.
    """
    count = int(sums[:, 0].sum())
    if not count:
        return None
    bins = len(sums)
    table = tuple(
        ObjectBin(
            low=index / bins,
            high=(index + 1) / bins,
            objects=int(objects),
            confidence=confidence / objects if objects else None,
            iou=iou / objects if objects else None,
        )
        for index, (objects, confidence, iou) in enumerate(sums.tolist())
    )
    return ObjectCalibration(
        bins=table,
        expected_error=float(np.abs(sums[:, 1] - sums[:, 2]).sum()) / count,
        confidence=float(sums[:, 1].sum()) / count,
        iou=float(sums[:, 2].sum()) / count,
        objects=count,
    )
