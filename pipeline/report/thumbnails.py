"""Images and masks as small data URIs: an image and transparent layers to lay over it."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from tag2mask.pipeline.records import BACKGROUND, IGNORE, palette

__all__ = ["color", "image_uri", "outline_uri", "overlay_uri", "thumbnail_size"]

QUALITY = 72  # WebP
TINT, DIM, VEIL = 150, 120, 90  # opacity of objects, of background, of ignored pixels; of 255
OPAQUE, CLEAR = 255, 0
WHITE = (255, 255, 255)


def color(value: int) -> str:
    """The palette's color of a pixel value as ``#rrggbb``."""
    return f"#{palette()[3 * value : 3 * value + 3].hex()}"


def thumbnail_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Shrink width and height so that the longer side is at most ``side``."""
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def image_uri(data: bytes, size: tuple[int, int]) -> str:
    """Encode an image, resized to (width, height), as a WebP data URI."""
    with Image.open(io.BytesIO(data)) as image:
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, format="WEBP", quality=QUALITY)
    return _uri("webp", buffer)


def overlay_uri(mask: np.ndarray, size: tuple[int, int]) -> str:
    """Encode a layer that tints objects and dims the background, as a PNG data URI.

    Args:
        mask: (H, W) uint8 pixel values.
        size: Width and height of the image below.
    """
    small = _small(mask, size)
    values = np.unique(small)
    colors = [_rgb(int(value)) for value in values] + [WHITE]
    opacity = [_opacity(int(value)) for value in values] + [OPAQUE]
    indices = np.searchsorted(values, small).astype(np.uint8)
    indices[_edge(small)] = len(values)
    return _layer(indices, colors, opacity)


def outline_uri(mask: np.ndarray, size: tuple[int, int]) -> str:
    """Encode a mask's contours as a PNG data URI: the class's color inside, white outside.

    Args:
        mask: (H, W) uint8 pixel values.
        size: Width and height of the image below.
    """
    small = _small(mask, size)
    values = np.unique(small)
    objects = [_rgb(int(value)) if value != BACKGROUND else WHITE for value in values]
    indices = np.searchsorted(values, small).astype(np.uint8) + np.uint8(1)
    indices[~_edge(small)] = 0
    return _layer(indices, [WHITE, *objects], [CLEAR] + [OPAQUE] * len(values))


def _small(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    # Nearest neighbor: between two class indices there is no class.
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))


def _edge(mask: np.ndarray) -> np.ndarray:
    """The pixels above, below or at a side of a pixel with another value."""
    edge = np.zeros(mask.shape, bool)
    across, down = mask[:, 1:] != mask[:, :-1], mask[1:] != mask[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def _rgb(value: int) -> tuple[int, int, int]:
    red, green, blue = palette()[3 * value : 3 * value + 3]
    return red, green, blue


def _opacity(value: int) -> int:
    return {BACKGROUND: DIM, IGNORE: VEIL}.get(value, TINT)


def _layer(indices: np.ndarray, colors: list[tuple[int, int, int]], opacity: list[int]) -> str:
    # Only the colors that occur: a palette of 256 would be most of a thumbnail's bytes.
    layer = Image.fromarray(indices, mode="P")
    layer.putpalette([channel for rgb in colors for channel in rgb])
    buffer = io.BytesIO()
    layer.save(buffer, format="PNG", transparency=bytes(opacity), optimize=True)
    return _uri("png", buffer)


def _uri(kind: str, buffer: io.BytesIO) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
