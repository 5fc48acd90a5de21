"""Average precision of a tagger on images that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from tag2mask.models.tagging import Tagger
from tag2mask.pipeline.records.mask_rows import as_tensor, rgb
from tag2mask.pipeline.tables.scan import Scan


def is_held_out(row_id: str, share: float) -> bool:
    """Whether an image is held out of the tagger's training; its id decides.

    Args:
        row_id: The image's id, a SHA-256 in hexadecimal digits.
        share: Share of the images that is held out, in [0, 1].
    """
    return int(row_id[-8:], 16) < share * 16**8


def average_precision(scores: np.ndarray, present: np.ndarray) -> float | None:
    """Compute the mean precision at the ranks of the images that have the class.

    Args:
        scores: (N,) scores on any scale, higher is more certain. Equal scores keep their order.
        present: (N,) bool, whether each image has the class.

    Returns:
        The average precision in [0, 1]; None if no image has the class.
    """
    if not present.any():
        return None
    ranked = present[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked].mean())


@torch.no_grad()
def image_logits(tagger: Tagger, image: Tensor, size: int) -> Tensor:
    """Compute a tagger's logits of one image.

    Args:
        tagger: A tagger in evaluation mode.
        image: (3, H, W) RGB in [0, 255].
        size: Longer side to which the image is resized, in pixels.

    Returns:
        (C,) logits.
    """
    factor = size / max(image.shape[1:])
    extent = tuple(max(1, round(side * factor)) for side in image.shape[1:])
    scaled = interpolate(image[None], extent, mode="bilinear", antialias=True)
    logits: Tensor = tagger(scaled).logits[0]
    return logits


def class_average_precisions(
    tagger: Tagger, scan: Scan, names: Sequence[str], size: int
) -> dict[str, float | None]:
    """Compute the average precision of each class on the images of a scan.

    Args:
        tagger: A tagger in evaluation mode, on the processor.
        scan: Rows with ``image`` and ``tags``.
        names: Foreground class names in the order of their pixel values.
        size: Longer side to which images are resized, in pixels.

    Returns:
        The average precision by class name; None for a class that no image has.
    """
    logits, present = [], []
    for row in scan.rows():
        logits.append(image_logits(tagger, as_tensor(rgb(row)), size).numpy())
        present.append(np.isin(np.arange(1, len(names) + 1), row["tags"]))
    if not logits:
        return dict.fromkeys(names)
    table, ground_truth = np.stack(logits), np.stack(present)
    return {
        name: average_precision(table[:, index], ground_truth[:, index])
        for index, name in enumerate(names)
    }
