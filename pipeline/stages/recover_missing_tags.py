"""Missing-tag recovery: the scores of a tag that a mask lacks are raised before the CRF."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from tag2mask.pipeline.stages.relabel import Relabel


class RecoverMissingTags(Relabel):
    """Relabels; if a tag is missing, raises its scores until it covers a share of the image.

    This is the adaptive bias of EM-Adapt (Papandreou et al., ICCV 2015, section 3.2), for those
    images alone whose masks the filter would reject. A person beside a horse is where the
    person's scores are highest, however low they are. Confidences stay those of the original
    scores, so a raised pixel has a confidence under one half.

    Args:
        tag_area: Smallest share of the image that a tag must cover to count as found.
        share: Share of the image that a missing tag is raised to before the CRF; 0 for none.
        settings: Settings of :class:`Relabel`.
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

    def refine(
        self, images: Sequence[np.ndarray], probabilities: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """Probabilities along the edges of each image, with missing tags raised."""
        maps = list(super().refine(images, probabilities))
        if not self.share:
            return maps
        for number, found in enumerate(maps):
            if absent := find_missing(found, self.tag_area):
                more = raise_channels(probabilities[number], absent, self.share)
                (maps[number],) = super().refine([images[number]], [more])
        return maps


def find_missing(probabilities: np.ndarray, tag_area: float) -> list[int]:
    """The channels of (1 + T, H, W), but the first, that win less than a share of the pixels."""
    chosen = probabilities.argmax(axis=0)
    return [
        channel for channel in range(1, len(probabilities)) if (chosen == channel).mean() < tag_area
    ]


def raise_channels(
    probabilities: np.ndarray, channels: Collection[int], share: float
) -> np.ndarray:
    """Probabilities in which some channels win a share of the pixels, their most probable ones.

    Args:
        probabilities: (K, H, W) float32 summing to one, K of at least 2.
        channels: The channels to raise, one after another, each by one factor.
        share: Smallest share of the pixels that each of them wins, between 0 and 1.

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
