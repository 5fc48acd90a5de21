"""Images for Prefect's UI: whole, and small enough to be stored with a flow run."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tag2mask.flows.image_artifacts import LARGEST, image_uri, show_image


def png(width: int, height: int, mode: str = "RGB") -> bytes:
    """Noise, which compresses worst."""
    shape = (height, width, len(mode))
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise, mode).save(buffer, format="PNG")
    return buffer.getvalue()


def opened(uri: str) -> Image.Image:
    kind, _, data = uri.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_a_small_image_keeps_its_size():
    assert opened(image_uri(png(60, 40))).size == (60, 40)
    assert opened(image_uri(png(60, 40, "RGBA"))).mode == "RGB"


@pytest.mark.parametrize(("width", "height"), [(1500, 1200), (300, 4000)])
def test_a_large_image_is_shrunk_as_a_whole(width, height):
    uri = image_uri(png(width, height))
    assert LARGEST / 2 < len(uri) <= LARGEST
    small = opened(uri).size
    assert small[0] < width
    assert small[0] / small[1] == pytest.approx(width / height, rel=0.02)


def test_it_ends_at_one_pixel():
    assert opened(image_uri(png(9, 3), largest=10)).size == (1, 1)


def test_the_artifact_says_where_the_image_stands(monkeypatch):
    created = []
    monkeypatch.setattr(
        "tag2mask.flows.image_artifacts.create_image_artifact",
        lambda url, key, description: created.append((url, key, description)),
    )
    show_image(png(6, 4), "contact-sheet-run", "/run/contact_sheet.png")
    ((url, key, description),) = created
    assert opened(url).size == (6, 4)
    assert key == "contact-sheet-run"
    assert "/run/contact_sheet.png" in description
