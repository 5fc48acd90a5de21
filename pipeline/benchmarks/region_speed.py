"""Computing time of regions: a pass for each region, or windows of a single pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from tag2mask.models.regions.descriptors import CROPS, rcnn, spp
from tag2mask.pipeline.training.model_store import load_model

REGIONS = 2000  # approximate number of selective search's regions in an image
REPEATS = 3


class RegionSeconds(NamedTuple):
    """Processor seconds for one image.

    Attributes:
        one_pass: Time of the tagger on the whole image.
        crops: Time of R-CNN's passes for 2,000 regions, extrapolated from one batch.
        windows: Time of SPP-net's single pass with 2,000 windows.
    """

    one_pass: float
    crops: float
    windows: float


def region_seconds(tagger: str, size: int) -> RegionSeconds:
    """Measure a tagger's backbone on a random image; other work on the machine affects it.

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
    """Draw boxes with sides of a quarter to three quarters of the image's, (R, size, size) bool."""
    masks = torch.zeros(count, size, size, dtype=torch.bool)
    for mask in masks:
        extents = torch.randint(size // 4, 3 * size // 4, (2,), generator=generator).tolist()
        top, left = (int(torch.randint(0, size - e, (1,), generator=generator)) for e in extents)
        mask[top : top + extents[0], left : left + extents[1]] = True
    return masks


def _seconds(work: Callable[[], object]) -> float:
    """The median processor time of a few calls, after one call to warm up."""
    work()
    spans = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        spans.append(time.process_time() - started)
    return max(median(spans), 1e-6)
