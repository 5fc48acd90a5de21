"""What regions cost: a pass for each of them, windows of one pass, and the pass alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from tag2mask.models.regions.descriptors import CROPS, rcnn, spp
from tag2mask.pipeline.training.model_store import load_model

REGIONS = 2000  # of selective search in an image, about
REPEATS = 3


class RegionSeconds(NamedTuple):
    """Seconds for one image.

    Attributes:
        one_pass: The tagger on the whole image.
        crops: R-CNN's passes for 2,000 regions, from those for a batch of them.
        windows: SPP-net's one pass and 2,000 windows of it.
    """

    one_pass: float
    crops: float
    windows: float


def region_seconds(tagger: str, size: int) -> RegionSeconds:
    """Measures a tagger's backbone on a random image; other work on the machine shows.

    Args:
        tagger: URI of the model.
        size: Side of the image, in pixels.
    """
    model, _ = load_model(tagger, "tagger")
    generator = torch.Generator().manual_seed(0)
    image = 255 * torch.rand(3, size, size, generator=generator)
    boxes = _boxes(CROPS, size, generator)
    with torch.no_grad():
        one_pass = _seconds(lambda: model(image[None]))
        crops = _seconds(lambda: rcnn(model.backbone, image, boxes))
        features = _seconds(lambda: model.backbone(image[None]))
        windows = _seconds(lambda: spp(model.backbone, image, boxes))
    pooled = max(0.0, windows - features)
    share = REGIONS / CROPS
    return RegionSeconds(one_pass, share * crops, features + share * pooled)


def _boxes(count: int, size: int, generator: torch.Generator) -> Tensor:
    """(R, size, size) bool: boxes of a quarter to three quarters of the side."""
    masks = torch.zeros(count, size, size, dtype=torch.bool)
    for mask in masks:
        extents = torch.randint(size // 4, 3 * size // 4, (2,), generator=generator).tolist()
        top, left = (int(torch.randint(0, size - e, (1,), generator=generator)) for e in extents)
        mask[top : top + extents[0], left : left + extents[1]] = True
    return masks


def _seconds(work: Callable[[], object]) -> float:
    """Processor time of this process, the median of a few after one to warm up."""
    work()
    spans = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        spans.append(time.process_time() - started)
    return max(median(spans), 1e-6)
