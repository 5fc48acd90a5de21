"""How well a tagger knows the tags of images that it was not trained on."""

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
    """Whether an image belongs to the share that trains no tagger, decided by its id."""
    return int(row_id[-8:], 16) < share * 16**8


def average_precision(scores: np.ndarray, present: np.ndarray) -> float | None:
    """The mean precision at the ranks of the images that have the class.

    Args:
        scores: (N,) any scale, higher is more certain.
        present: (N,) bool.

    Returns:
        In [0, 1]; None if no image has the class. Equal scores keep their order.
    """
    if not present.any():
        return None
    ranked = present[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked].mean())


@torch.no_grad()
def seen_logits(tagger: Tagger, image: Tensor, size: int) -> Tensor:
    """A tagger's logits (C,) of one image (3, H, W), RGB in [0, 255], at a longer side."""
    factor = size / max(image.shape[1:])
    extent = tuple(max(1, round(side * factor)) for side in image.shape[1:])
    scaled = interpolate(image[None], extent, mode="bilinear", antialias=True)
    logits: Tensor = tagger(scaled).logits[0]
    return logits


def class_average_precisions(
    tagger: Tagger, scan: Scan, names: Sequence[str], size: int
) -> dict[str, float | None]:
    """The average precision of each class on the images of a scan.

    Args:
        tagger: In evaluation mode, on the processor.
        scan: Rows with ``image`` and ``tags``.
        names: The class names.
        size: Longer side at which images are seen, in pixels.
    """
    logits, present = [], []
    for row in scan.rows():
        logits.append(seen_logits(tagger, as_tensor(rgb(row)), size).numpy())
        present.append(np.isin(np.arange(1, len(names) + 1), row["tags"]))
    if not logits:
        return dict.fromkeys(names)
    table, ground_truth = np.stack(logits), np.stack(present)
    return {
        name: average_precision(table[:, index], ground_truth[:, index])
        for index, name in enumerate(names)
    }
