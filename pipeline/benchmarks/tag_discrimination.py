"""Measure of the scores' discrimination between the tags of one image, without background."""

from __future__ import annotations

from statistics import mean

import numpy as np

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.records import decode_map
from tag2mask.pipeline.records.mask_rows import resize_maps
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table


def measure_tag_discrimination(
    images: Table, seed: Table, ground_truth: GroundTruthFolder
) -> float:
    """Compute the share of the objects' pixels with the highest score for their own tag.

    The share is computed for each tag, then averaged over the tags of an image and over images.
    Scores that are equal for all tags give one half on images with two tags. The measure needs no
    background and no score power: the highest score does not depend on them.

    Args:
        images: The images.
        seed: A round with ``scores``.
        ground_truth: The ground truth masks.

    Returns:
        The mean share in [0, 1].

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
        raise UserError("no image of the round shows two of its tags: there is nothing to compare")
    return mean(found)


def own_shares(scores: np.ndarray) -> np.ndarray:
    """The share (T, H, W) of each pixel by tag: 1 for the highest score; ties are shared."""
    highest = scores == scores.max(axis=0)
    return highest / highest.sum(axis=0)
