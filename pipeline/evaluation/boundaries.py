"""The boundary F-score: does a mask follow the object's contour, whatever the object's size?

Csurka et al. (BMVC 2013), section 3: in each image and for each class, precision is the
share of the predicted boundary that lies within a tolerance of the true one, recall the share
of the true boundary within the tolerance of the predicted one, and the score is their
harmonic mean; the tolerance is 0.75 % of the image's diagonal. Matching is by distance, as
in the dilation of Perazzi et al. (CVPR 2016, DAVIS), not by a bipartite assignment.

A class's score is the mean over the images that have it in the ground truth or the prediction.
Where the two papers leave a choice:

- A boundary is the pixels of a class that touch another class, above, below or beside. The
  image's edge is none.
- Void pixels (255 in the ground truth) take the nearest class, which puts the boundary into the
  middle of VOC's void band; boundaries deeper inside of void than the tolerance do not count.
- A class of one side alone scores 0; one that fills the image on both sides scores 1.
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
        f: By class, background first; None for a class that occurs nowhere.
        mean_f: Mean over the classes that occur.
        tolerance: Distance that still counts as a match, as a share of the diagonal.
    """

    model_config = ConfigDict(frozen=True)

    f: tuple[float | None, ...]
    mean_f: float
    tolerance: float = TOLERANCE


def boundary_sums(
    ground_truth: np.ndarray, prediction: np.ndarray, classes: int, tolerance: float = TOLERANCE
) -> np.ndarray:
    """The boundary F-scores of one image, to be added up over images.

    Args:
        ground_truth: (H, W) uint8, 0 to ``classes``, or 255 for pixels that do not count.
        prediction: (H, W) uint8, 0 to ``classes``, or 255 for pixels without a label.
        classes: K, the number of foreground classes.
        tolerance: Share of the diagonal.

    Returns:
        (K + 1, 2) float64: the F-score, and 1 where the image has the class, else zeros.
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
    """The scores of a set of images.

    Args:
        sums: (K + 1, 2) as :func:`boundary_sums` returns it, added over images.
        tolerance: The one that was used.
    """
    f = tuple(float(total / count) if count else None for total, count in sums)
    return BoundaryScores(f=f, mean_f=mean_of_known(f), tolerance=tolerance)


def boundary(region: np.ndarray) -> np.ndarray:
    """The pixels of a region that touch its outside, above, below or beside.

    Args:
        region: (H, W) bool. What lies beyond the image's edge counts as inside.

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
    """The ground truth with void pixels given to the nearest class, and where boundaries count."""
    if counted.all():
        return ground_truth, counted
    distance, (down, right) = distance_transform_edt(~counted, return_indices=True)
    return ground_truth[down, right], distance <= reach


def _f_score(true: np.ndarray, found: np.ndarray, reach: float) -> float:
    """The harmonic mean of the two boundaries' shares within reach of each other."""
    if not true.any() and not found.any():
        return 1.0
    precision, recall = _share_near(found, true, reach), _share_near(true, found, reach)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _share_near(edge: np.ndarray, other: np.ndarray, reach: float) -> float:
    if not edge.any() or not other.any():
        return 0.0
    # Boundaries of other classes fill the rest of an image: distances are needed here alone.
    rows, columns = (np.flatnonzero((edge | other).any(axis=axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    distance = distance_transform_edt(~other[box])
    return float((distance[edge[box]] <= reach).mean())
