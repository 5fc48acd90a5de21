"""Descriptors of regions: the features of R-CNN, SDS, SPP-net and O2P."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from tag2mask.models.backbones.base import Backbone
from tag2mask.models.regions.second_order import second_order
from tag2mask.models.regions.spp import BINS, Box, feature_window, spatial_pyramid

WARPED = 96  # side of the warped crops, in pixels; AlexNet's have 227
CONTEXT = 16 / 227  # context around the box, as a share of the side
CROPS = 32  # crops in one pass of the network
STAGE = "c4"  # stage of O2P's products, on the grid of the stage before

Descriptor = Callable[[Backbone, Tensor, Tensor], Tensor]
"""From a backbone, an image (3, H, W) in [0, 255] and regions (R, H, W) bool to (R, F)."""


def box_of(region: Tensor) -> Box:
    """The smallest box around a non-empty region (H, W) bool."""
    rows, columns = region.any(dim=1).nonzero(), region.any(dim=0).nonzero()
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def rcnn(backbone: Backbone, image: Tensor, regions: Tensor) -> Tensor:
    """A pass for each box, warped with context (Girshick et al., CVPR 2014, appendix A)."""
    return _passed(backbone, [_warped(image, box_of(region)) for region in regions])


def sds(backbone: Backbone, image: Tensor, regions: Tensor) -> Tensor:
    """Two passes: the box, and the region on the mean (Hariharan et al., ECCV 2014, sec. 3.2)."""
    alone = [
        _warped(torch.where(region, image, backbone.mean[0]), box_of(region)) for region in regions
    ]
    return torch.cat([rcnn(backbone, image, regions), _passed(backbone, alone)], dim=1)


def spp(backbone: Backbone, image: Tensor, regions: Tensor) -> Tensor:
    """One pass for all regions: a box is a window of the last features, pooled by a pyramid."""
    features = backbone(image[None])["c5"][0]
    size = (features.shape[1], features.shape[2])
    windows = [feature_window(box_of(region), backbone.output_stride, size) for region in regions]
    return torch.stack([spatial_pyramid(features[:, *window]) for window in windows])


def o2p(backbone: Backbone, image: Tensor, regions: Tensor) -> Tensor:
    """One pass for all regions: products of the features at the places of each region alone."""
    stages = backbone(image[None])
    features = interpolate(stages[STAGE], stages["c3"].shape[2:], mode="bilinear")[0]
    shares = interpolate(regions[:, None].float(), features.shape[1:], mode="area")[:, 0]
    # A region too thin to fill half of any place gets all places that it touches.
    places = [share > min(0.5, 0.99 * float(share.max())) for share in shares]
    return torch.stack([second_order(features[:, where].T) for where in places])


DESCRIPTORS: dict[str, Descriptor] = {"o2p": o2p, "rcnn": rcnn, "sds": sds, "spp": spp}


def length(name: str, backbone: Backbone) -> int:
    """The number F of a descriptor's values."""
    last, products = backbone.channels["c5"], backbone.channels[STAGE]
    return {
        "o2p": products * (products + 1) // 2,
        "rcnn": last,
        "sds": 2 * last,
        "spp": sum(bins * bins for bins in BINS) * last,
    }[name]


def _warped(image: Tensor, box: Box) -> Tensor:
    """A box of any aspect with its context, as (3, WARPED, WARPED)."""
    top, left, bottom, right = box
    down, aside = (round(CONTEXT * extent) for extent in (bottom - top, right - left))
    crop = image[:, max(0, top - down) : bottom + down, max(0, left - aside) : right + aside]
    return interpolate(crop[None], (WARPED, WARPED), mode="bilinear", antialias=True)[0]


def _passed(backbone: Backbone, crops: list[Tensor]) -> Tensor:
    batches = torch.stack(crops).split(CROPS)
    return torch.cat([backbone(batch)["c5"].mean(dim=(2, 3)) for batch in batches])
