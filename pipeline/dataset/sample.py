"""One sample: an image and its mask as tensors for torchvision's transforms."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL import Image

from tag2mask.pipeline.dataset.rows import DatasetRows
from tag2mask.pipeline.records import decode_mask

if TYPE_CHECKING:
    import torch
    from torchvision import tv_tensors

# torch is imported inside the functions: opening a dataset takes a tenth of the time without it.
Sample = dict[str, Any]
Pair: TypeAlias = "tuple[tv_tensors.Image, tv_tensors.Mask]"
PairTransform: TypeAlias = "Callable[[tv_tensors.Image, tv_tensors.Mask], Pair]"


def decode_image(data: bytes | memoryview) -> torch.Tensor:
    """Decode a JPEG or PNG to (3, H, W) uint8 RGB."""
    from torchvision.transforms.v2.functional import pil_to_tensor

    with Image.open(io.BytesIO(data)) as image:
        tensor: torch.Tensor = pil_to_tensor(image.convert("RGB"))
    return tensor


def decode_pair(image: bytes | memoryview, mask: bytes | memoryview) -> Pair:
    """Decode the files of an image and its mask to (3, H, W) and (H, W) uint8."""
    import torch
    from torchvision import tv_tensors

    labels = torch.from_numpy(decode_mask(bytes(mask)))
    return tv_tensors.Image(decode_image(image)), tv_tensors.Mask(labels)


def make_sample(
    rows: DatasetRows, index: int, pair: Pair, transform: PairTransform | None
) -> Sample:
    """Make a dictionary of a row, which torch's default collation can stack.

    Args:
        rows: The dataset's rows.
        index: Index of the row.
        pair: The row's image and mask.
        transform: Function of both together, so that they get the same crop and flip.

    Returns:
        ``image`` (3, H, W) uint8, ``mask`` (H, W) uint8 with 0 for background and 255 for
        ignore, ``tags`` (C,) float32 of zeros and ones, ``confidence`` float, the least of the
        tags' objects, and ``id`` str.
    """
    import torch

    image, mask = pair if transform is None else transform(*pair)
    tags = np.zeros(len(rows.classes), np.float32)
    tags[rows.tags(index) - 1] = 1
    return {
        "image": image,
        "mask": mask,
        "tags": torch.from_numpy(tags),
        "confidence": rows.confidence(index),
        "id": rows.id(index),
    }
