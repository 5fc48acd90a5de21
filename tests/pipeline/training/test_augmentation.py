"""Views: one geometry for an image and its labels."""

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.records import IGNORE, palette
from tag2mask.pipeline.training.augmentation import PADDING, View, random_view, whole_view

NEAREST, BILINEAR = Image.Resampling.NEAREST, Image.Resampling.BILINEAR
BLOCK = 24
STEP = 40  # gray levels between the classes of the pattern


def pattern(rows: int = 3, columns: int = 4) -> np.ndarray:
    """Blocks of the classes 0 to 5 without any symmetry: (72, 96) uint8."""
    classes = np.random.default_rng(5).integers(0, 6, (rows, columns)).astype(np.uint8)
    return np.kron(classes, np.ones((BLOCK, BLOCK), np.uint8))


def palette_image(mask: np.ndarray) -> Image.Image:
    image = Image.fromarray(mask, mode="P")
    image.putpalette(palette())
    return image


def inside_a_block(view: np.ndarray) -> np.ndarray:
    """Pixels all of whose neighbors up to two pixels away have the same class."""
    same = np.ones(view.shape, bool)
    for down in range(-2, 3):
        for right in range(-2, 3):
            same &= np.roll(view, (down, right), (0, 1)) == view
    same[:2] = same[-2:] = same[:, :2] = same[:, -2:] = False
    return same


@pytest.mark.parametrize("seed", range(12))
def test_image_and_mask_undergo_the_same_geometry(seed):
    mask = pattern()
    image = Image.fromarray(np.repeat(mask[..., None] * STEP, 3, axis=2))
    rng = np.random.default_rng(seed)
    view = random_view(image.width, image.height, 64, (0.6, 2.0), rng)

    seen = view.of(image, BILINEAR, PADDING)
    labels = view.of(palette_image(mask), NEAREST, IGNORE)

    assert seen.shape == (64, 64, 3)
    assert labels.shape == (64, 64)
    assert set(np.unique(labels)) <= {*range(6), IGNORE}
    inside = inside_a_block(labels)
    expected = np.where(labels == IGNORE, PADDING, np.minimum(labels, 6) * STEP)
    assert inside.mean() > 0.3
    np.testing.assert_allclose(seen[inside], expected[inside][:, None].repeat(3, 1), atol=1)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(
    ("left", "top", "crop"), [(0, 0, 72), (10, 5, 40), (-20, -30, 130), (30, -10, 80)]
)
def test_crop_and_flip_written_out(flip, left, top, crop):
    mask = pattern()
    view = View(96, 72, left, top, crop, flip)

    turned = np.fliplr(mask) if flip else mask
    margin = 200
    padded = np.pad(turned, margin, constant_values=IGNORE)
    expected = padded[margin + top :, margin + left :][:crop, :crop]
    np.testing.assert_array_equal(view.of(palette_image(mask), NEAREST, IGNORE), expected)


def test_a_palette_mask_is_scaled_by_its_indices():
    """As colors, halfway between class 1 and class 3 would lie another class."""
    mask = pattern()
    view = View(61, 45, -3, -8, 64, False)
    gray = view.of(Image.fromarray(mask), NEAREST, IGNORE)
    np.testing.assert_array_equal(view.of(palette_image(mask), NEAREST, IGNORE), gray)


def test_padding_surrounds_a_small_image():
    view = View(20, 10, -4, -6, 32, False)
    seen = view.of(Image.new("RGB", (20, 10), (200, 100, 50)), BILINEAR, PADDING)
    assert (seen[6:16, 4:24] == (200, 100, 50)).all()
    outside = np.ones((32, 32), bool)
    outside[6:16, 4:24] = False
    assert (seen[outside] == PADDING).all()


@pytest.mark.parametrize(("width", "height"), [(100, 60), (60, 100), (2000, 1), (1, 1)])
def test_random_views_keep_to_their_range(width, height):
    rng = np.random.default_rng(0)
    views = [random_view(width, height, 64, (0.5, 1.5), rng) for _ in range(100)]
    for view in views:
        assert 32 <= max(view.width, view.height) <= 96
        assert min(0, view.width - 64) <= view.left <= max(0, view.width - 64)
        assert min(0, view.height - 64) <= view.top <= max(0, view.height - 64)
    assert {view.flip for view in views} == {False, True}


def test_a_view_follows_from_its_generator_alone():
    first, second = (
        random_view(100, 60, 64, (0.5, 1.5), np.random.default_rng(7)) for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize("seed", range(4))
def test_a_whole_view_has_all_of_the_image_and_nothing_else(seed):
    mask = pattern()
    view = whole_view(96, 72, 64, (0.8, 1.6), np.random.default_rng(seed))
    made = view.of(Image.fromarray(mask), NEAREST, 255)
    assert made.shape == (64, 64)
    classes = made[8::21, 8::16]  # the middle of each of 3 x 4 blocks
    expected = mask[BLOCK // 2 :: BLOCK, BLOCK // 2 :: BLOCK]
    np.testing.assert_array_equal(classes, expected[:, ::-1] if view.flip else expected)
    assert 255 not in made
    assert {whole_view(96, 72, 64, (1, 1), np.random.default_rng(s)).flip for s in range(8)} == {
        True,
        False,
    }
