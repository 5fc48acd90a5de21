"""Rows of masks, made from the pixel probabilities of an image."""

from __future__ import annotations

import io
from pathlib import PurePosixPath

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from tag2mask.pipeline.records import BACKGROUND, IGNORE, Row, encode_map, encode_mask

# Soft maps are stored at a quarter of the image's size, the confidence map at an eighth.
MAP_STRIDE = 4
CONFIDENCE_STRIDE = 8


def rgb(row: Row) -> np.ndarray:
    """Decode the row's image to (H, W, 3) uint8 RGB, C-contiguous and writable."""
    with Image.open(io.BytesIO(row["image"]["bytes"])) as image:
        return np.array(image.convert("RGB"))


def as_tensor(image: np.ndarray) -> Tensor:
    """Convert an image (H, W, 3) uint8 to a tensor (3, H, W) float in [0, 255]."""
    return torch.from_numpy(image).permute(2, 0, 1).float()


def resize_maps(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize maps (K, h, w) float32 to (K, *size): bilinear, antialiased when shrinking."""
    if tuple(maps.shape[1:]) == size:
        return maps
    tensor = torch.from_numpy(np.ascontiguousarray(maps))[None]
    return interpolate(tensor, size, mode="bilinear", antialias=True)[0].numpy()


def reduced_size(height: int, width: int, stride: int) -> tuple[int, int]:
    """The size (h, w) of an image's map at a stride, rounded up."""
    return -(-height // stride), -(-width // stride)


def bounded_size(height: int, width: int, max_side: int) -> tuple[int, int]:
    """The size (h, w) of an image whose longer side is at most ``max_side`` pixels."""
    factor = max_side / max(height, width)
    if factor >= 1:
        return height, width
    return max(1, round(height * factor)), max(1, round(width * factor))


def resize_labels(labels: np.ndarray, channels: int, size: tuple[int, int]) -> np.ndarray:
    """Labels (h, w) of ``channels`` classes, enlarged to (*size) with smooth borders.

    Each pixel takes the class whose share, bilinear between the labels, is the largest. One class
    after another, since the shares of all classes of a camera's image would fill the memory.
    """
    if labels.shape == size:
        return labels
    most = np.zeros(size, np.float32)
    chosen = np.zeros(size, labels.dtype)
    for channel in range(channels):
        share = resize_maps((labels == channel)[None].astype(np.float32), size)[0]
        chosen[share > most] = channel
        np.maximum(most, share, out=most)
    return chosen


def make_mask_row(
    row: Row,
    size: tuple[int, int],
    chosen: np.ndarray,
    unrefined: np.ndarray,
    *,
    ignore_below: float,
) -> Row:
    """Make a row of a round from an image's labels and its pixel probabilities.

    The confidence is the probability of a pixel's class before the CRF, because after the CRF
    nearly every pixel is certain, right or wrong. Measured on VOC-6: 99.7 % of the pixels had 0.9
    or more, and 87 % of these were right.

    Args:
        row: Row of the images table, with its ``tags``.
        size: (H, W) of the image; labels and probabilities may be smaller.
        chosen: (h, w) integers, 0 for background, then the positions of the tags from 1.
        unrefined: (1 + T, h, w) float32 summing to one, the probabilities before the CRF:
            background, then the tags in their order.
        ignore_below: Pixels with a lower confidence become 255.

    Returns:
        The row with ``mask``, ``classes``, ``area``, ``confidence``, ``mask_confidence``
        and ``confidence_map``.
    """
    labels = np.array([BACKGROUND, *row["tags"]], np.uint8)
    mask, certainty = label_pixels(labels, size, chosen, unrefined, ignore_below=ignore_below)
    shown = [int(label) for label in labels[1:] if (mask == label).any()]
    height, width = mask.shape
    small = reduced_size(height, width, CONFIDENCE_STRIDE)
    known = mask != IGNORE
    return {
        **row,
        "mask": {"bytes": encode_mask(mask), "path": mask_path(row)},
        "classes": shown,
        "area": [float((mask == label).mean()) for label in shown],
        "confidence": [float(certainty[mask == label].mean()) for label in shown],
        "mask_confidence": float(certainty[known].mean()) if known.any() else 0.0,
        "confidence_map": {
            "bytes": encode_map(resize_maps(certainty[None], small)[0]),
            "path": None,
        },
    }


def label_pixels(
    labels: np.ndarray,
    size: tuple[int, int],
    chosen: np.ndarray,
    unrefined: np.ndarray,
    *,
    ignore_below: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The mask of an image and its confidence, from channels of probabilities.

    Args:
        labels: (K,) uint8, the class of each channel.
        size: (H, W) of the image; the channels may be smaller.
        chosen: (h, w) integers, the channel of each pixel.
        unrefined: (K, h, w) float32 summing to one, the probabilities before the CRF.
        ignore_below: Pixels with a lower confidence become 255.

    Returns:
        (H, W) uint8 classes, and (H, W) float32 in [0, 1].
    """
    certainty = np.take_along_axis(unrefined, chosen[None], axis=0)
    certainty = resize_maps(certainty, size)[0]
    mask = labels[resize_labels(chosen, len(labels), size)]
    mask[certainty < ignore_below] = IGNORE
    return mask, certainty


def mask_path(row: Row) -> str:
    """The image's path with the ending ``.png``, by which ground truth is found."""
    return str(PurePosixPath(row["image"]["path"]).with_suffix(".png"))


def encode_maps(maps: np.ndarray, size: tuple[int, int] | None = None) -> list[bytes]:
    """Encode maps (K, h, w) in [0, 1] of an image as K gray PNGs at a quarter of its size.

    Args:
        maps: The maps.
        size: (H, W) of the image; None for that of the maps.
    """
    height, width = size or maps.shape[1:]
    small = reduced_size(height, width, MAP_STRIDE)
    return [encode_map(values) for values in resize_maps(maps.astype(np.float32), small)]
