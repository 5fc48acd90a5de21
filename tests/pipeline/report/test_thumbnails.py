"""Thumbnails: what a browser would draw of the layers."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.records import palette
from tag2mask.pipeline.report.thumbnails import (
    color,
    image_uri,
    outline_uri,
    overlay_uri,
    thumbnail_size,
)

MASK = np.zeros((40, 60), np.uint8)
MASK[10:30, 10:30] = 15
MASK[10:30, 30:50] = 255


def drawn(uri: str) -> np.ndarray:
    kind, _, data = uri.partition(";base64,")
    assert kind in ("data:image/png", "data:image/webp")
    with Image.open(io.BytesIO(base64.b64decode(data))) as layer:
        return np.asarray(layer.convert("RGBA"))


@pytest.mark.parametrize(
    ("size", "expected"), [((640, 480), (320, 240)), ((10, 20), (10, 20)), ((3, 3000), (1, 320))]
)
def test_sizes(size, expected):
    assert thumbnail_size(*size, side=320) == expected


def test_a_image():
    buffer = io.BytesIO()
    Image.new("RGB", (80, 40), (200, 30, 30)).save(buffer, format="JPEG")
    pixels = drawn(image_uri(buffer.getvalue(), (20, 10)))
    assert pixels.shape == (10, 20, 4)
    np.testing.assert_allclose(pixels[5, 10], (200, 30, 30, 255), atol=8)


def test_an_overlay_tints_objects_and_dims_the_rest():
    layer = drawn(overlay_uri(MASK, (60, 40)))
    person = tuple(palette()[45:48])
    assert tuple(layer[20, 20, :3]) == person
    assert tuple(layer[2, 2, :3]) == (0, 0, 0)
    assert all(0 < layer[at][3] < 255 for at in ((20, 20), (2, 2), (20, 40)))
    assert tuple(layer[10, 20]) == (255, 255, 255, 255), "a white edge"


def test_an_outline_has_the_color_of_the_class_inside_and_white_outside():
    layer = drawn(outline_uri(MASK, (60, 40)))
    person = tuple(palette()[45:48])
    assert tuple(layer[10, 20]) == (*person, 255)
    assert tuple(layer[9, 20]) == (255, 255, 255, 255)
    assert layer[20, 20, 3] == layer[2, 2, 3] == 0, "transparent elsewhere"


def test_layers_are_small_and_a_mask_of_nothing_is_no_error():
    assert len(outline_uri(MASK, (60, 40))) < 500
    nothing = drawn(outline_uri(np.zeros((4, 4), np.uint8), (4, 4)))
    assert not nothing[..., 3].any()


def test_colors():
    assert color(1) == "#800000"
    assert color(15) == "#c08080"
