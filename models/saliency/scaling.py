"""Resized images for a network, and class maps over several sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from tag2mask.models.tagging import Tagger


def scaled_to(image: Tensor, size: float) -> Tensor:
    """An image (3, H, W) as (1, 3, h, w) with a longer side of ``size`` pixels, bilinear."""
    factor = size / max(image.shape[1:])
    sides = [max(1, round(extent * factor)) for extent in image.shape[1:]]
    scaled = interpolate(image[None], sides, mode="bilinear", align_corners=False)
    return scaled.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def summed_class_maps(
    tagger: Tagger,
    image: Tensor,
    classes: Tensor,
    sizes: Sequence[float],
    activation: Callable[[Tensor], Tensor],
) -> Tensor:
    """Class maps over several sizes of an image, resized to the image and summed.

    Args:
        tagger: The classifier in evaluation mode.
        image: (3, H, W) RGB in [0, 255].
        classes: (T,) channels.
        sizes: Longer sides of the image, in pixels.
        activation: Function of the resized logits (T, H, W), whose results are summed.

    Returns:
        (T, H, W).
    """
    total = torch.zeros(len(classes), *image.shape[1:], device=image.device)
    for size in sizes:
        maps = tagger(scaled_to(image, size)).class_maps[:, classes]
        total += activation(interpolate(maps, total.shape[1:], mode="bilinear")[0])
    return total


def unit_maps(maps: Tensor) -> Tensor:
    """The positive part of maps (T, H, W), each divided by its maximum; zeros stay."""
    maps = maps.clamp(min=0)
    highest = maps.amax(dim=(1, 2), keepdim=True)
    return maps / highest.clamp(min=torch.finfo().tiny)
