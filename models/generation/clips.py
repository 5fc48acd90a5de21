"""Short clips: the things of masks, cut out, move over the backgrounds of other images."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from tag2mask.models.transformation.synthetic_flow import backgrounds, objects
from tag2mask.models.transformation.warping import pixel_grid, sample

FAR = 0.5  # longest way of a thing in a clip, along each axis, relative to the image


class Clips(NamedTuple):
    """Clips, and where in them something moves.

    Attributes:
        images: (N, 3, T, S, S) RGB in [-1, 1].
        movers: (N, 1, T, S, S) in [0, 1], 1 on what moves.
    """

    images: Tensor
    movers: Tensor


def moving_clips(images: Tensor, masks: Tensor, frames: int, rng: torch.Generator) -> Clips:
    """Makes a clip of each image; the camera stands still, as VGAN's generator assumes.

    Args:
        images: (N, 3, S, S) RGB in [-1, 1].
        masks: (N, S, S) int64 labels; every class of an image moves together.
        frames: Their number T.
        rng: For the ways, straight and at an even pace.
    """
    count, _, side, _ = images.shape
    behind = backgrounds(images, masks).roll(1, dims=0)
    things = torch.cat([images, objects(masks)], dim=1)
    ways = FAR * side * (torch.rand(count, 2, generator=rng, device=rng.device) - 0.5)
    shown, movers = [], []
    for time in torch.linspace(-1, 1, frames).tolist():
        places = pixel_grid(images) - time * ways[:, :, None, None]
        moved = sample(things, places, outside="zeros")
        mover = moved[:, 3:]
        # Where a thing's border is mixed with zeros, its color must not fade with it.
        color = sample(images, places)
        shown.append(behind + mover * (color - behind))
        movers.append(mover)
    return Clips(torch.stack(shown, dim=2), torch.stack(movers, dim=2))
