"""Whether scores tell the tags of one image apart, whatever they make of the background."""

from __future__ import annotations

from statistics import mean

import numpy as np

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.records import decode_map
from tag2mask.pipeline.records.mask_rows import resize_maps
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table


def told_apart(images: Table, seed: Table, ground_truth: GroundTruthFolder) -> float:
    """The share of the objects' pixels that score highest for their own tag.

    Of each tag, then the mean over the tags of an image and over images: scores that see the
    same in every tag have one half where images have two. No background and no contrast is
    chosen, as the highest score does not depend on them.

    Args:
        images: The images.
        seed: A round with ``scores``.
        ground_truth: The ground truth masks.

    Returns:
        In [0, 1].

    Raises:
        UserError: If no image of the round shows two of its tags.
    """
    columns = ["image", "tags", "seed.scores"]
    scan = Scan(images, {"seed": seed}, columns=columns, ids=set(seed.ids()))
    found = []
    for row in scan.rows():
        mask = ground_truth.mask(row["image"]["path"])
        shown = [] if mask is None else [tag for tag in row["tags"] if (mask == tag).any()]
        if mask is None or len(shown) < 2:
            continue
        scores = np.stack([decode_map(score) for score in row["seed"]["scores"]])
        own = own_shares(resize_maps(scores, mask.shape))
        found.append(mean(float(own[row["tags"].index(tag)][mask == tag].mean()) for tag in shown))
    if not found:
        raise UserError("no image of the round shows two of its tags: nothing to tell apart")
    return mean(found)


def own_shares(scores: np.ndarray) -> np.ndarray:
    """How much of each pixel a tag gets, (T, H, W): all where it is highest, ties are shared."""
    highest = scores == scores.max(axis=0)
    return highest / highest.sum(axis=0)
