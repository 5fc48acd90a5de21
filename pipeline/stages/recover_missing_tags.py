"""Seek: a second look for the tags that a mask does not show."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from tag2mask.pipeline.stages.relabel import Relabel


class Seek(Relabel):
    """Relabels, and where a tag is missing raises its scores until it takes its share.

    The adaptive bias of EM-Adapt (Papandreou et al., ICCV 2015, section 3.2), for those
    images alone that the filter would leave out: a person beside a horse is where the
    person's scores are highest, however low they are. Confidences stay those of the scores as
    they were, so that what was raised has less than half.

    Args:
        tag_area: Least share of the image that a tag must take to count as found.
        share: That a missing tag is given before the CRF; 0 gives none.
        settings: Of :class:`Relabel`.
    """

    def __init__(
        self,
        *,
        tag_area: float,
        share: float,
        **settings: Any,  # noqa: ANN401 - the base class knows their types
    ) -> None:
        super().__init__(**settings)
        self.tag_area = tag_area
        self.share = share

    def refined(
        self, images: Sequence[np.ndarray], beliefs: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """The probabilities of each image; again, from raised ones, where a tag is missing."""
        maps = list(super().refined(images, beliefs))
        if not self.share:
            return maps
        for number, found in enumerate(maps):
            if absent := missing(found, self.tag_area):
                sought = raised(beliefs[number], absent, self.share)
                (maps[number],) = super().refined([images[number]], [sought])
        return maps


def missing(probabilities: np.ndarray, tag_area: float) -> list[int]:
    """The channels of (1 + T, H, W) but the first that win less than a share of the pixels."""
    chosen = probabilities.argmax(axis=0)
    return [
        channel for channel in range(1, len(probabilities)) if (chosen == channel).mean() < tag_area
    ]


def raised(probabilities: np.ndarray, channels: Collection[int], share: float) -> np.ndarray:
    """Probabilities of which some channels win at least so much, where they are likeliest.

    Args:
        probabilities: (K, H, W) float32 summing to one, K of at least 2.
        channels: That are raised, one after another, each by one factor.
        share: Of the pixels, between 0 and 1.

    Returns:
        (K, H, W) float32 summing to one.
    """
    scores = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
    for channel in channels:
        rivals = np.delete(scores, channel, axis=0).max(axis=0)
        lead = np.quantile(scores[channel] - rivals, 1 - share)
        scores[channel] -= min(lead, 0.0)
    probable: np.ndarray = softmax(scores, axis=0)
    return probable
