"""Encoding of masks and maps as PNG bytes, and decoding."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from PIL import Image


@cache
def palette() -> bytes:
    """The 256-entry VOC palette as 768 bytes RGB (bit-interleaved class index)."""
    colors = np.zeros((256, 3), np.uint8)
    index = np.arange(256)
    for shift in range(7, -1, -1):
        for channel in range(3):
            colors[:, channel] |= (((index >> channel) & 1) << shift).astype(np.uint8)
        index >>= 3
    return colors.tobytes()


def encode_mask(mask: np.ndarray) -> bytes:
    """Encode a label map (H, W) uint8 as an 8-bit palette PNG whose pixel values are classes.

    Raises:
        ValueError: If the array is not two-dimensional uint8.
    """
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise ValueError(f"a mask is (H, W) uint8, not {mask.shape} {mask.dtype}")
    image = Image.fromarray(mask, mode="P")
    image.putpalette(palette())
    return _png(image)


def decode_mask(data: bytes) -> np.ndarray:
    """Decode a palette or 8-bit gray PNG to a label map (H, W) uint8.

    Raises:
        ValueError: If the PNG holds colors or 16-bit values, which are not classes.
    """
    with Image.open(io.BytesIO(data)) as image:
        if image.mode not in ("P", "L"):
            raise ValueError(f"a mask is a palette or gray PNG, not mode {image.mode}")
        return np.array(image, dtype=np.uint8)


def encode_map(values: np.ndarray) -> bytes:
    """Encode a map (H, W) of floats in [0, 1] as an 8-bit gray PNG, in steps of 1/255."""
    return _png(Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8), mode="L"))


def decode_map(data: bytes) -> np.ndarray:
    """Decode the PNG of :func:`encode_map` to a map (H, W) float32 in [0, 1]."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image, dtype=np.float32) / 255


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
