"""Labels: the row that follows from an image's probabilities, with numbers worked out by hand."""

import numpy as np
import pytest

from tag2mask.pipeline.records import IGNORE, decode_map, decode_mask
from tag2mask.pipeline.records.mask_rows import (
    bounded_size,
    encode_maps,
    make_mask_row,
    mask_path,
    reduced_size,
    resize_labels,
    resize_maps,
    rgb,
)
from tests.pipeline.toys import image_row

ROW = {"id": "0" * 64, "image": {"path": "a/b.c.jpg"}, "tags": [2, 7]}


def probabilities():
    """Background, class 2 and class 7 of 2 x 4 pixels."""
    background = [[0.8, 0.1, 0.2, 0.4], [0.9, 0.0, 0.3, 0.3]]
    two = [[0.1, 0.6, 0.7, 0.2], [0.1, 1.0, 0.3, 0.2]]
    seven = [[0.1, 0.3, 0.1, 0.4], [0.0, 0.0, 0.4, 0.5]]
    return np.array([background, two, seven], np.float32)


def made(row, refined, unrefined, *, ignore_below):
    """The row of an image of the probabilities' size, whose labels nothing cleans."""
    size = refined.shape[1:]
    return make_mask_row(row, size, refined.argmax(axis=0), unrefined, ignore_below=ignore_below)


def test_mask_area_and_confidence_by_hand():
    row = made(ROW, probabilities(), probabilities(), ignore_below=0.0)
    # The tie of the upper right pixel goes to background.
    np.testing.assert_array_equal(decode_mask(row["mask"]["bytes"]), [[0, 2, 2, 0], [0, 2, 7, 7]])
    assert row["classes"] == [2, 7]
    assert row["area"] == pytest.approx([3 / 8, 2 / 8])
    assert row["confidence"] == pytest.approx([(0.6 + 0.7 + 1.0) / 3, (0.4 + 0.5) / 2])
    assert row["mask_confidence"] == pytest.approx(
        (0.8 + 0.6 + 0.7 + 0.4 + 0.9 + 1.0 + 0.4 + 0.5) / 8
    )
    assert row["mask"]["path"] == "a/b.c.png"
    assert row["id"] == ROW["id"]


def test_ignored_pixels_count_nowhere():
    row = made(ROW, probabilities(), probabilities(), ignore_below=0.65)
    np.testing.assert_array_equal(
        decode_mask(row["mask"]["bytes"]), [[0, IGNORE, 2, IGNORE], [0, 2, IGNORE, IGNORE]]
    )
    assert row["classes"] == [2]
    assert row["area"] == pytest.approx([2 / 8])
    assert row["confidence"] == pytest.approx([(0.7 + 1.0) / 2])
    assert row["mask_confidence"] == pytest.approx((0.8 + 0.7 + 0.9 + 1.0) / 4)


def test_the_confidence_is_the_probability_before_the_crf():
    refined = np.zeros((3, 2, 4), np.float32)
    refined[1] = 1  # the CRF makes everything class 2, and certain
    row = made(ROW, refined, probabilities(), ignore_below=0.0)
    assert (decode_mask(row["mask"]["bytes"]) == 2).all()
    assert row["confidence"] == pytest.approx([probabilities()[1].mean()])


def test_everything_ignored():
    row = made(ROW, probabilities(), probabilities() * 0.1, ignore_below=0.5)
    assert (decode_mask(row["mask"]["bytes"]) == IGNORE).all()
    assert (row["classes"], row["area"], row["confidence"]) == ([], [], [])
    assert row["mask_confidence"] == 0.0


@pytest.mark.parametrize(("height", "width"), [(33, 50), (8, 8), (1, 1), (5, 300)])
def test_the_confidence_map_has_an_eighth_of_the_size(height, width):
    flat = np.full((3, height, width), 0.2, np.float32)
    flat[1] = 0.6
    row = made(ROW, flat, flat, ignore_below=0.0)
    certainty = decode_map(row["confidence_map"]["bytes"])
    assert certainty.shape == (-(-height // 8), -(-width // 8))
    np.testing.assert_allclose(certainty, 0.6, atol=1 / 255)


def test_only_tags_background_and_ignore_get_into_a_mask():
    random = np.random.default_rng(0)
    for _ in range(20):
        tags = sorted(random.choice(np.arange(1, 255), 4, replace=False).tolist())
        values = random.dirichlet(np.ones(5), (16, 16)).transpose(2, 0, 1).astype(np.float32)
        mask = decode_mask(
            made({**ROW, "tags": tags}, values, values, ignore_below=0.4)["mask"]["bytes"]
        )
        assert set(np.unique(mask).tolist()) <= {0, IGNORE, *tags}


def test_maps_are_kept_at_a_quarter_of_the_size():
    maps = np.zeros((2, 9, 16))
    maps[1] = 1
    small = [decode_map(data) for data in encode_maps(maps)]
    assert [values.shape for values in small] == [(3, 4), (3, 4)]
    assert [values.mean() for values in small] == [0, 1]


def test_resizing_averages_and_keeps_the_same_size_as_it_is():
    maps = np.zeros((1, 8, 8), np.float32)
    maps[:, :, ::2] = 1
    assert resize_maps(maps, (8, 8)) is maps
    np.testing.assert_allclose(resize_maps(maps, (2, 2)), 0.5, atol=0.08)


def test_reduced_sizes_are_rounded_up():
    assert reduced_size(16, 17, 8) == (2, 3)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a.jpg", "a.png"), ("x/a", "x/a.png"), ("x.y/a.b.JPEG", "x.y/a.b.png"), (".jpg", ".jpg.png")],
)
def test_a_mask_stands_where_its_image_does(path, expected):
    assert mask_path({"image": {"path": path}}) == expected


def test_images_are_rgb_and_writable():
    pixels = rgb(image_row(0, [1]))
    assert pixels.shape == (48, 64, 3)
    assert pixels.flags.writeable
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize(
    ("size", "most", "expected"),
    [
        ((300, 400), 512, (300, 400)),
        ((512, 100), 512, (512, 100)),
        ((4000, 6000), 512, (341, 512)),
        ((3, 9000), 512, (1, 512)),
    ],
)
def test_a_bound_shrinks_larger_images_alone(size, most, expected):
    assert bounded_size(*size, most) == expected


def test_enlarged_labels_have_smooth_borders_and_no_new_class():
    small = np.zeros((30, 40), np.int64)
    small[10:20, 10:30] = 2
    small[5:8, 5:8] = 3
    large = resize_labels(small, 4, (300, 400))
    assert large.dtype == small.dtype
    exact = np.kron(small, np.ones((10, 10), np.int64))
    assert set(np.unique(large)) == {0, 2, 3}
    assert (large == exact).mean() > 0.995
    # A corner is rounded, which copies of pixels would not be.
    assert (large[100, 100], exact[100, 100]) == (0, 2)
    assert resize_labels(small, 4, (30, 40)) is small


def test_a_row_of_a_bounded_mask_has_the_size_of_the_image():
    chosen = probabilities().argmax(axis=0)
    row = make_mask_row(ROW, (20, 40), chosen, probabilities(), ignore_below=0.0)
    mask = decode_mask(row["mask"]["bytes"])
    assert mask.shape == (20, 40)
    assert row["area"] == pytest.approx([(mask == 2).mean(), (mask == 7).mean()])
    assert decode_map(row["confidence_map"]["bytes"]).shape == (3, 5)
    assert [decode_map(data).shape for data in encode_maps(probabilities(), (20, 40))] == 3 * [
        (5, 10)
    ]
