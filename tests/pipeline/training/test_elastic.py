"""Bent samples: image and labels alike, by displacements of the paper's size."""

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.training.augmentation import elastic_view
from tag2mask.pipeline.training.elastic import GRID, SPREAD, Bend, random_bend

NEAREST, BILINEAR = Image.Resampling.NEAREST, Image.Resampling.BILINEAR


def test_an_even_displacement_is_a_shift():
    values = np.random.default_rng(0).integers(0, 255, (20, 30), np.uint8)
    shifts = np.zeros((2, GRID, GRID), np.float32)
    shifts[0], shifts[1] = 3, -2
    for resample in (NEAREST, BILINEAR):
        bent = Bend(shifts)(values, resample, 7)
        np.testing.assert_array_equal(bent[2:, :-3], values[:-2, 3:])
        assert (bent[:2] == 7).all()
        assert (bent[:, -3:] == 7).all()


def test_displacements_have_the_paper_s_spread():
    rng = np.random.default_rng(0)
    drawn = np.stack([random_bend(rng).shifts for _ in range(200)])
    assert drawn.std() == pytest.approx(SPREAD, rel=0.05)
    assert abs(drawn.mean()) < 1


def test_image_and_labels_bend_alike():
    rng = np.random.default_rng(1)
    mask = np.kron(rng.integers(0, 2, (4, 5)), np.ones((24, 24))).astype(np.uint8)
    image = Image.fromarray(np.repeat(mask[..., None] * 200, 3, axis=2))
    view = elastic_view(image.width, image.height, 96, (0.9, 1.1), rng)
    assert view.bend is not None
    seen, labels = view.of(image, BILINEAR, 127), view.of(Image.fromarray(mask), NEAREST, 255)
    assert seen.shape == (96, 96, 3)
    assert not np.array_equal(
        labels, view._replace(bend=None).of(Image.fromarray(mask), NEAREST, 255)
    )
    known = labels != 255
    agree = (seen[..., 0] > 100) == (labels == 1)
    assert agree[known].mean() > 0.93, "but for the pixels of edges"
