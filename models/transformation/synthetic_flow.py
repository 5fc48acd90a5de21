"""Pairs of frames with exact flow: cut-outs of objects that move over backgrounds.

They follow the Flying Chairs (Dosovitskiy et al., ICCV 2015, section 4.1), with the objects of a
mask dataset in place of chairs. Each frame is composed of layers, the background first. A layer
moves as a whole, by an affine map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from tag2mask.models.transformation.warping import pixel_grid, sample
from tag2mask.models.weak.cross_entropy import IGNORE


class Frames(NamedTuple):
    """Two frames, and the motion of the first frame's pixels.

    Attributes:
        first: (N, 3, H, W) RGB in [-1, 1].
        second: (N, 3, H, W) RGB in [-1, 1].
        flow: (N, 2, H, W), x and y in pixels, from the first to the second.
        seen: (N, 1, H, W) bool: the pixel's layer is still on top, in the second frame.
        layer: (N, H, W) int64, the topmost layer in the first frame; 0 for the background.
    """

    first: Tensor
    second: Tensor
    flow: Tensor
    seen: Tensor
    layer: Tensor


class Layer(NamedTuple):
    """A moving image.

    Attributes:
        image: (N, 3, H, W) RGB in [-1, 1].
        shown: (N, 1, H, W), the layer's opacity: 1 where it covers layers behind, 0 elsewhere.
        place: (N, 2, 3): affine map of the image's x, y to the first frame's.
        motion: (N, 2, 3): affine map of the first frame's x, y to the second's.
    """

    image: Tensor
    shown: Tensor
    place: Tensor
    motion: Tensor


def backgrounds(images: Tensor, masks: Tensor) -> Tensor:
    """Likely backgrounds behind the objects: smooth continuations of their surroundings.

    Args:
        images: (N, 3, H, W).
        masks: (N, H, W); everything but 0 is filled.

    Returns:
        (N, 3, H, W).
    """
    known = (masks == 0).unsqueeze(1).to(images.dtype)
    filled = images * known
    return torch.where(known > 0, images, _pulled(filled, known)[0])


def scene(
    images: Tensor, masks: Tensor, places: Sequence[Tensor], motions: Sequence[Tensor]
) -> Frames:
    """Objects of images and of other images, in front of the images' backgrounds.

    Args:
        images: (N, 3, H, W) RGB in [-1, 1].
        masks: (N, H, W) int64, 0 for background, 255 for ignore.
        places: Places of the layers, see :class:`Layer`: the background, the image's objects,
            those of the image before it in the batch, and so on.
        motions: Motions of the layers.
    """
    layers = []
    for number, (place, motion) in enumerate(zip(places, motions, strict=True)):
        if number:
            image, mask = (x.roll(number - 1, dims=0) for x in (images, masks))
            layers.append(Layer(image, objects(mask), place, motion))
        else:
            everywhere = torch.ones_like(images[:, :1])
            layers.append(Layer(backgrounds(images, masks), everywhere, place, motion))
    return compose(layers)


def compose(layers: Sequence[Layer]) -> Frames:
    """The frames of layers, where later layers cover earlier ones.

    Args:
        layers: The layers from the background, which fills the image, to the front.
    """
    grid = pixel_grid(layers[0].image)
    first = second = torch.zeros_like(layers[0].image)
    flow = torch.zeros_like(first[:, :2])
    top, later = torch.zeros_like(first[:, 0]).long(), torch.zeros_like(first[:, 0]).long()
    for number, layer in enumerate(layers):
        placed, here = _rendered(layer, inverse(layer.place), number == 0)
        moved, there = _rendered(layer, inverse(after(layer.motion, layer.place)), number == 0)
        first = first + here * (placed - first)
        second = second + there * (moved - second)
        on_top = here > 0.5
        flow = torch.where(on_top, applied(layer.motion, grid) - grid, flow)
        top = torch.where(on_top.squeeze(1), number, top)
        later = torch.where(there.squeeze(1) > 0.5, number, later)
    landed = sample(later.unsqueeze(1).to(flow.dtype), grid + flow, outside="zeros")
    inside = sample(torch.ones_like(flow[:, :1]), grid + flow, outside="zeros") > 0.99
    seen = inside & ((landed - top.unsqueeze(1)).abs() < 0.01)
    return Frames(first, second, flow, seen, top)


def objects(masks: Tensor) -> Tensor:
    """The foreground of masks (N, H, W) as (N, 1, H, W), 0 or 1."""
    return ((masks > 0) & (masks != IGNORE)).unsqueeze(1).float()


def affine(angle: Tensor, zoom: Tensor, shift: Tensor, height: int, width: int) -> Tensor:
    """The affine map of a rotation and a zoom around an image's middle, then a shift.

    Args:
        angle: (N,) in radians.
        zoom: (N,).
        shift: (N, 2), x and y in pixels.
        height: Height of the image, in pixels.
        width: Width of the image, in pixels.

    Returns:
        (N, 2, 3), on x and y.
    """
    cos, sin = zoom * torch.cos(angle), zoom * torch.sin(angle)
    linear = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    middle = shift.new_tensor([(width - 1) / 2, (height - 1) / 2])
    kept = (linear * middle).sum(dim=2)
    return torch.cat([linear, (middle + shift - kept).unsqueeze(2)], dim=2)


def applied(maps: Tensor, places: Tensor) -> Tensor:
    """Affine maps (N, 2, 3) of places (2, H, W): (N, 2, H, W)."""
    moved = (maps[:, :, :2, None, None] * places).sum(dim=2)
    return moved + maps[:, :, 2, None, None]


def after(second: Tensor, first: Tensor) -> Tensor:
    """One affine map (N, 2, 3) after another."""
    # Sums and not matrix products, here and above, because mixed precision would round these to
    # eight bits, and with them the places of the pixels.
    linear = (second[:, :, :2, None] * first.unsqueeze(1)).sum(dim=2)
    return torch.cat([linear[..., :2], linear[..., 2:] + second[..., 2:]], dim=2)


def inverse(maps: Tensor) -> Tensor:
    """The inverse of affine maps (N, 2, 3)."""
    linear = torch.linalg.inv(maps[..., :2])
    shift = (linear * maps[:, None, :, 2]).sum(dim=2, keepdim=True)
    return torch.cat([linear, -shift], dim=2)


def _rendered(layer: Layer, fetch: Tensor, everywhere: bool) -> tuple[Tensor, Tensor]:
    """A layer in the coordinates of a frame, and its opacity there."""
    places = applied(fetch, pixel_grid(layer.image))
    image = sample(layer.image, places, outside="reflection")
    if everywhere:
        return image, torch.ones_like(image[:, :1])
    return image, sample(layer.shown, places, outside="zeros")


def _pulled(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Averages of the known values, over the smallest neighborhood that has any."""
    height, width = values.shape[-2:]
    if min(height, width) < 2:
        total = weights.sum(dim=(2, 3), keepdim=True).clamp(min=1e-6)
        return (values.sum(dim=(2, 3), keepdim=True) / total).expand_as(values), weights
    coarse, known = _pulled(
        avg_pool2d(values, 2, ceil_mode=True), avg_pool2d(weights, 2, ceil_mode=True)
    )
    around = interpolate(coarse, (height, width), mode="bilinear", align_corners=False)
    mean = values / weights.clamp(min=1e-6)
    return torch.where(weights > 0, mean + (1 - weights) * (around - mean), around), known
