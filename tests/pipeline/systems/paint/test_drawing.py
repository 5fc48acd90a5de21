"""Drawings as bytes, and the photos of them."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.systems.paint import PaintModel
from tag2mask.pipeline.systems.training_log import to_pixels


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def a_mask(height=24, width=40):
    mask = np.zeros((height, width), np.uint8)
    mask[4:12, 8:30] = 2
    return mask


def test_photo_is_the_transformed_mask(painter):
    mask = a_mask()
    made = pixels(painter.image(mask.tobytes(), *mask.shape, seed=3))
    batch = {"mask": torch.from_numpy(mask).long()[None]}
    expected = painter.system.transform(batch, torch.Generator().manual_seed(3))[0]
    np.testing.assert_array_equal(made, to_pixels(expected.detach()))


def test_only_the_hole_is_filled(remover):
    mask = a_mask()
    image = np.random.default_rng(0).integers(0, 256, (*mask.shape, 3), np.uint8)
    made = pixels(remover.image(mask.tobytes() + image.tobytes(), *mask.shape))
    far = np.ones(mask.shape, bool)
    far[:16, 4:34] = False
    np.testing.assert_array_equal(made[far], image[far])
    assert (made[mask > 0] != image[mask > 0]).mean() > 0.9


@pytest.mark.parametrize(
    ("drawing", "height", "width", "sentence"),
    [
        (b"", 16, 16, "256 bytes, not 0"),
        (bytes(256), 8, 32, "sides must be 16 to 1024"),
        (bytes(16), 16, 2048, "sides must be 16 to 1024"),
        (bytes([4]) * 256, 16, 16, "unknown label 4; the labels of the model are 0 to 3"),
    ],
)
def test_invalid_drawings_are_refused(painter, drawing, height, width, sentence):
    with pytest.raises(ValueError, match=sentence):
        painter.image(drawing, height, width)


def test_ignored_pixels_may_be_painted(painter):
    assert pixels(painter.image(bytes([255]) * 256, 16, 16)).shape == (16, 16, 3)


@pytest.mark.parametrize("name", ["super_resolution", "dcgan"])
def test_other_systems_are_turned_away(stored, name):
    uri = stored(name)
    with pytest.raises(UserError, match="makes no photos of masks"):
        PaintModel.load(uri)
