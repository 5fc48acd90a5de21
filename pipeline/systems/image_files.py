"""Image files as inputs of systems."""

from __future__ import annotations

import fsspec
from torch import Tensor
from torchvision.transforms.v2.functional import pil_to_tensor

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.decoding import decode_rgb


def read_image(uri: str) -> bytes:
    """The bytes of an image file on any file system.

    Raises:
        UserError: If there is no such file.
    """
    files, path = fsspec.core.url_to_fs(uri)
    try:
        return files.cat_file(path)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UserError(f"there is no image {uri} to take the style of") from error


def decode_image(data: bytes) -> Tensor:
    """An image file as (1, 3, H, W) RGB in [-1, 1].

    Raises:
        DecodeError: If it cannot be decoded.
    """
    return pil_to_tensor(decode_rgb(data))[None].float() / 127.5 - 1
