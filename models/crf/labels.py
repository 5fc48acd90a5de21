"""Hard label maps as probabilities, the input of every DenseCRF."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

UNKNOWN = 255


def label_probabilities(
    labels: np.ndarray, classes: Sequence[int], gt_prob: float = 0.7
) -> np.ndarray:
    """Probabilities of a hard label map: a given label has ``gt_prob``.

    The other labels share the rest equally. Unknown pixels have equal probabilities. Background
    is a label like any other here. By default, pydensecrf's own helper treats 0 as unknown and
    shifts every class by one.

    Args:
        labels: (H, W) integer pixel values out of ``classes``, or 255 for unknown.
        classes: The K different pixel values that compete, for example ``(0, 12, 15)``.
        gt_prob: Probability of a given label, in (0, 1); IRN (Ahn et al., 2019) takes 0.7.

    Returns:
        (K, H, W) float32 in the order of ``classes``.

    Raises:
        ValueError: If ``labels`` holds a value outside ``classes`` and 255.
    """
    values = np.asarray(classes)
    if not len(values) or len(np.unique(values)) != len(values) or UNKNOWN in values:
        raise ValueError(f"classes are different pixel values without {UNKNOWN}: {list(classes)}")
    stray = np.setdiff1d(labels, [*values, UNKNOWN])
    if stray.size:
        raise ValueError(f"labels hold {stray.tolist()}, which are not among {list(classes)}")
    chosen = labels[None] == values[:, None, None]
    # With one label there are no others, and K - 1 would be a division by zero.
    rest = (1 - gt_prob) / max(len(values) - 1, 1)
    probabilities = np.where(chosen, np.float32(gt_prob), np.float32(rest))
    probabilities[:, labels == UNKNOWN] = 1 / len(values)
    return probabilities
