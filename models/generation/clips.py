"""Short clips: objects, cut out by masks, move over the backgrounds of other images."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from tag2mask.models.transformation.synthetic_flow import backgrounds, objects
from tag2mask.models.transformation.warping import pixel_grid, sample

FAR = 0.5  # longest way of an object in a clip, along each axis, relative to the image


class Clips(NamedTuple):
    """Clips and the masks of their moving objects.

    Attributes:
        images: (N, 3, T, S, S) RGB in [-1, 1].
        movers: (N, 1, T, S, S) in [0, 1], 1 on moving objects.
    """

    images: Tensor
    movers: Tensor


def moving_clips(images: Tensor, masks: Tensor, frames: int, rng: torch.Generator) -> Clips:
    """Makes a clip of each image; the camera stands still, as VGAN's generator assumes.

    Args:
        images: (N, 3, S, S) RGB in [-1, 1].
        masks: (N, S, S) int64 labels; every class of an image moves together.
        frames: Number T of frames.
        rng: Draws the ways, which are straight and at an even pace.
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
        # An object's border is mixed with zeros, and its color must not fade with it.
        color = sample(images, places)
        shown.append(behind + mover * (color - behind))
        movers.append(mover)
    return Clips(torch.stack(shown, dim=2), torch.stack(movers, dim=2))
