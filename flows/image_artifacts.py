"""Images of a run inside artifacts of Prefect's UI, which shows no file of another machine."""

from __future__ import annotations

import base64
import io

from PIL import Image
from prefect.artifacts import create_image_artifact

__all__ = ["image_uri", "show_image"]

LARGEST = 300_000  # characters of a data URI
QUALITY = 80  # JPEG
SHRINK = 0.8  # factor of each try to the one before


def show_image(data: bytes, key: str, uri: str) -> None:
    """Creates an image artifact of the current flow run.

    Args:
        data: Bytes of the image file.
        key: Key of the artifact.
        uri: Where the image stands in full size, for the description.
    """
    create_image_artifact(image_uri(data), key, description=f"The image in full size: `{uri}`")


def image_uri(data: bytes, largest: int = LARGEST) -> str:
    """An image as a JPEG data URI, shrunk until it has few enough characters.

    Args:
        data: Bytes of the image file.
        largest: Largest number of characters; an image of one pixel may have more.
    """
    with Image.open(io.BytesIO(data)) as opened:
        image = opened.convert("RGB")
    scale = 1.0
    while True:
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        buffer = io.BytesIO()
        small = image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)
        small.save(buffer, format="JPEG", quality=QUALITY)
        uri = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
        if len(uri) <= largest or size == (1, 1):
            return uri
        scale *= SHRINK
