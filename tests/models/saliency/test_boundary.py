"""Robust background detection on images whose salient object is known."""

import numpy as np
import pytest

from tag2mask.models.saliency.boundary import boundary_saliency


def disc(height: int, width: int, center: tuple[int, int], radius: int) -> np.ndarray:
    rows, columns = np.ogrid[:height, :width]
    return (rows - center[0]) ** 2 + (columns - center[1]) ** 2 <= radius**2


def scene(mask: np.ndarray, seed: int = 0) -> np.ndarray:
    """A yellow object on noisy dark blue, (H, W, 3) uint8."""
    noise = np.random.default_rng(seed).normal(0, 6, (*mask.shape, 3))
    plain = np.where(mask[..., None], (230, 200, 40), (40, 50, 110))
    return np.clip(plain + noise, 0, 255).astype(np.uint8)


def overlap(saliency: np.ndarray, mask: np.ndarray) -> float:
    found = saliency >= 0.5
    return (found & mask).sum() / (found | mask).sum()


@pytest.mark.parametrize("size", [(90, 120), (275, 350), (500, 333), (700, 900)])
def test_finds_a_bright_disc(size: tuple[int, int]):
    height, width = size
    mask = disc(height, width, (height // 2, width // 3), min(size) // 5)
    saliency = boundary_saliency(scene(mask))
    assert saliency.shape == size
    assert saliency.dtype == np.float32
    assert saliency.min() == 0
    assert saliency.max() == 1
    assert overlap(saliency, mask) > 0.85


def test_finds_an_object_that_touches_the_border():
    """It is short there and large inside; background is long there."""
    mask = disc(200, 260, (165, 130), 55)
    assert mask[-1].any()
    assert overlap(boundary_saliency(scene(mask)), mask) > 0.8


def test_background_cut_in_two_stays_background():
    mask = np.zeros((200, 260), bool)
    mask[:, 110:150] = True
    mask[:20] = mask[-20:] = False
    image = scene(mask)
    image[:20, 130:] = image[:20, 130:] // 2 + 20  # another shade along a part of the border
    assert overlap(boundary_saliency(image), mask) > 0.8


def test_finds_two_objects():
    mask = disc(240, 320, (120, 80), 40) | disc(240, 320, (120, 240), 30)
    assert overlap(boundary_saliency(scene(mask)), mask) > 0.8


@pytest.mark.parametrize("noise", [0, 1])
def test_empty_image_holds_nothing(noise: int):
    random = np.random.default_rng(0)
    image = (128 + random.integers(0, noise + 1, (120, 160, 3))).astype(np.uint8)
    assert not boundary_saliency(image).any()


def test_repeats_bit_for_bit_and_keeps_its_input():
    image = scene(disc(120, 160, (60, 70), 30))
    before = image.copy()
    first = boundary_saliency(image)
    np.testing.assert_array_equal(first, boundary_saliency(image))
    np.testing.assert_array_equal(image, before)


def test_mirror_image_gives_about_the_mirror_map():
    image = scene(disc(150, 200, (75, 60), 30))
    straight, mirrored = boundary_saliency(image), boundary_saliency(image[:, ::-1])
    assert np.abs(straight - mirrored[:, ::-1]).mean() < 0.05


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (2, 3), (7, 5), (3, 900)])
def test_tiny_and_narrow_images(size: tuple[int, int]):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    saliency = boundary_saliency(image)
    assert saliency.shape == size
    assert np.isfinite(saliency).all()
    assert saliency.min() >= 0
    assert saliency.max() <= 1


def test_gray_images():
    mask = disc(100, 140, (50, 70), 25)
    gray = np.where(mask, 220, 60).astype(np.uint8)
    assert overlap(boundary_saliency(np.stack([gray] * 3, axis=-1)), mask) > 0.85


def test_refuses_arrays_that_are_not_images():
    for array in (np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3)), np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises(ValueError, match="uint8"):
            boundary_saliency(array)
