"""The boundary F-score: does a mask follow the object's contour, whatever the object's size?

Csurka et al. (BMVC 2013), section 3, define the score for each image and class:

- Precision is the share of the predicted boundary within a tolerance of the true boundary.
- Recall is the share of the true boundary within the tolerance of the predicted boundary.
- The score is their harmonic mean. The tolerance is 0.75 % of the image's diagonal.

Matching is by distance, as in the dilation of Perazzi et al. (CVPR 2016, DAVIS), not by a
bipartite assignment.

A class's score is the mean over the images that have it in the ground truth or the prediction.
The two papers leave these choices:

- A boundary is the pixels of a class that touch another class above, below or at a side. The
  image's edge is not a boundary.
- Void pixels (255 in the ground truth) take the nearest class, which puts the boundary into the
  middle of VOC's void band. Boundaries deeper inside void than the tolerance do not count.
- A class that only one of the two masks has scores 0. A class that fills both masks scores 1.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.ndimage import distance_transform_edt

from tag2mask.pipeline.evaluation.voc import mean_of_known
from tag2mask.pipeline.records import IGNORE

__all__ = ["TOLERANCE", "BoundaryScores", "boundary", "boundary_scores", "boundary_sums"]

TOLERANCE = 0.0075  # of the diagonal


class BoundaryScores(BaseModel):
    """Boundary F-scores in [0, 1].

    Args:
        f: F-score by class, background first; None for a class that occurs nowhere.
        mean_f: Mean F-score over the classes that occur.
        tolerance: Largest distance of a match, as a share of the image's diagonal.
    """

    model_config = ConfigDict(frozen=True)

    f: tuple[float | None, ...]
    mean_f: float
    tolerance: float = TOLERANCE


def boundary_sums(
    ground_truth: np.ndarray, prediction: np.ndarray, classes: int, tolerance: float = TOLERANCE
) -> np.ndarray:
    """Compute the boundary F-scores of one image, to be summed over images.

    Args:
        ground_truth: (H, W) uint8, 0 to ``classes``, or 255 for pixels that do not count.
        prediction: (H, W) uint8, 0 to ``classes``, or 255 for pixels without a label.
        classes: K, the number of foreground classes.
        tolerance: Largest distance of a match, as a share of the image's diagonal.

    Returns:
        (K + 1, 2) float64: for each class the F-score, and 1 if the image has the class. Both
        are zero if it does not.
    """
    sums = np.zeros((classes + 1, 2))
    counted = ground_truth != IGNORE
    if not counted.any():
        return sums
    reach = tolerance * float(np.hypot(*ground_truth.shape))
    nearest, near = _void_filled(ground_truth, counted, reach)
    for value in range(classes + 1):
        true, found = nearest == value, prediction == value
        pair = true.any(), bool((found & counted).any())
        if all(pair):
            sums[value] = (_f_score(boundary(true) & near, boundary(found) & near, reach), 1.0)
        elif any(pair):
            sums[value] = (0.0, 1.0)
    return sums


def boundary_scores(sums: np.ndarray, tolerance: float = TOLERANCE) -> BoundaryScores:
    """Compute the boundary scores of a set of images.

    Args:
        sums: (K + 1, 2) as :func:`boundary_sums` returns it, summed over images.
        tolerance: The tolerance of the sums, as a share of the diagonal.
    """
    f = tuple(float(total / count) if count else None for total, count in sums)
    return BoundaryScores(f=f, mean_f=mean_of_known(f), tolerance=tolerance)


def boundary(region: np.ndarray) -> np.ndarray:
    """The pixels of a region that touch its outside above, below or at a side.

    Args:
        region: (H, W) bool. Positions beyond the image's edge count as inside.

    Returns:
        (H, W) bool.
    """
    inner = region.copy()
    inner[1:] &= region[:-1]
    inner[:-1] &= region[1:]
    inner[:, 1:] &= region[:, :-1]
    inner[:, :-1] &= region[:, 1:]
    edge: np.ndarray = region & ~inner
    return edge


def _void_filled(
    ground_truth: np.ndarray, counted: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """Give void pixels to the nearest class.

    Returns:
        The filled ground truth (H, W), and a map (H, W) bool of the pixels where boundaries count.
    """
    if counted.all():
        return ground_truth, counted
    distance, (down, right) = distance_transform_edt(~counted, return_indices=True)
    return ground_truth[down, right], distance <= reach


def _f_score(true: np.ndarray, found: np.ndarray, reach: float) -> float:
    """The harmonic mean of precision and recall within ``reach`` pixels."""
    if not true.any() and not found.any():
        return 1.0
    precision, recall = _share_near(found, true, reach), _share_near(true, found, reach)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _share_near(edge: np.ndarray, other: np.ndarray, reach: float) -> float:
    if not edge.any() or not other.any():
        return 0.0
    # Other classes fill the rest of the image: distances are needed inside this box only.
    rows, columns = (np.flatnonzero((edge | other).any(axis=axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    distance = distance_transform_edt(~other[box])
    return float((distance[edge[box]] <= reach).mean())
