"""DenseCRF against an exact mean field with dense kernels, and its traps."""

import sys
from typing import Any

import numpy as np
import pytest

from models.crf import CRF_PRESETS, CrfParameters, crf_from_labels, dense_crf

DEFAULT = CRF_PRESETS["default"]

# The published weights drive small pictures to certainty, where a wrong weight hides; these
# leave the marginals in between.
GENTLE = CrfParameters(
    bilateral_weight=0.9,
    bilateral_sxy=5,
    bilateral_srgb=13,
    gaussian_weight=0.6,
    gaussian_sxy=2,
    iterations=3,
)
PARAMETERS = CRF_PRESETS | {"gentle": GENTLE}


def exact_mean_field(
    image: np.ndarray, probabilities: np.ndarray, parameters: CrfParameters
) -> np.ndarray:
    """The same model with every pair of pixels written out: O(N²), no permutohedral lattice."""
    labels, height, width = probabilities.shape
    y, x = np.mgrid[:height, :width]
    place = np.stack([x, y], axis=-1).reshape(-1, 2).astype(float)
    colour = image.reshape(-1, 3).astype(float)

    def normalised(features: np.ndarray) -> np.ndarray:
        distance = ((features[:, None] - features[None]) ** 2).sum(-1)
        kernel = np.exp(-distance / 2)
        scale = 1 / np.sqrt(kernel.sum(1))
        return scale[:, None] * kernel * scale[None]

    bilateral = np.concatenate(
        [place / parameters.bilateral_sxy, colour / parameters.bilateral_srgb], axis=1
    )
    message = parameters.bilateral_weight * normalised(bilateral)
    message += parameters.gaussian_weight * normalised(place / parameters.gaussian_sxy)

    log_unary = np.log(np.clip(probabilities, 1e-5, 1)).reshape(labels, -1).astype(float)

    def softmax(values: np.ndarray) -> np.ndarray:
        values = np.exp(values - values.max(0))
        return values / values.sum(0)

    marginals = softmax(log_unary)
    for _ in range(parameters.iterations):
        # Potts: disagreement costs, so agreement pays, up to a constant per pixel.
        marginals = softmax(log_unary + marginals @ message)
    return marginals.reshape(labels, height, width)


def scene(height: int, width: int, labels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A noisy picture of vertical bands and probabilities that know the bands vaguely."""
    random = np.random.default_rng(seed)
    band = np.broadcast_to(np.arange(width) * labels // width, (height, width))
    colours = random.integers(0, 256, (labels, 3))
    image = np.clip(colours[band] + random.normal(0, 8, (height, width, 3)), 0, 255)
    probabilities = random.random((labels, height, width)) + 0.6 * (
        band == np.arange(labels)[:, None, None]
    )
    return image.astype(np.uint8), (probabilities / probabilities.sum(0)).astype(np.float32)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
@pytest.mark.parametrize(("height", "width", "labels"), [(16, 16, 2), (13, 17, 3), (1, 24, 2)])
def test_agrees_with_exact_mean_field(name: str, height: int, width: int, labels: int):
    image, probabilities = scene(height, width, labels, seed=labels)
    marginals = dense_crf(image, probabilities, PARAMETERS[name])
    exact = exact_mean_field(image, probabilities, PARAMETERS[name])
    assert marginals.shape == probabilities.shape
    assert marginals.dtype == np.float32
    np.testing.assert_allclose(marginals.sum(0), 1, atol=1e-5)
    assert (marginals.argmax(0) == exact.argmax(0)).mean() >= 0.99
    # The library filters on a permutohedral lattice, which approximates the Gaussians.
    assert np.abs(marginals - exact).max() < 0.02


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_agrees_on_many_labels(name: str):
    image, probabilities = scene(16, 16, labels=5, seed=5)
    marginals = dense_crf(image, probabilities, PARAMETERS[name])
    exact = exact_mean_field(image, probabilities, PARAMETERS[name])
    # A pixel that is nearly tied between two labels may tip over on the lattice's error alone.
    assert (marginals.argmax(0) == exact.argmax(0)).mean() >= 0.98
    assert np.abs(marginals - exact).mean() < 0.01


def test_refines_noise_along_the_edges():
    image, probabilities = scene(24, 24, labels=2, seed=0)
    truth = np.broadcast_to(np.arange(24) >= 12, (24, 24))
    before = (probabilities.argmax(0) == truth).mean()
    after = (dense_crf(image, probabilities, DEFAULT).argmax(0) == truth).mean()
    assert before < 0.95
    assert after == 1


def test_repeats_bit_for_bit():
    image, probabilities = scene(31, 45, labels=3, seed=1)
    first = dense_crf(image, probabilities, DEFAULT)
    assert all(np.array_equal(first, dense_crf(image, probabilities, DEFAULT)) for _ in range(3))


def test_does_not_change_its_input():
    image, probabilities = scene(9, 9, labels=2, seed=2)
    before = image.copy(), probabilities.copy()
    dense_crf(image, probabilities, DEFAULT)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(probabilities, before[1])


def test_views_count_like_copies():
    image, probabilities = scene(20, 30, labels=3, seed=3)
    view_image = np.asfortranarray(image)[2:-2, 3:-3]
    view = np.moveaxis(np.moveaxis(probabilities, 0, 2).copy(), 2, 0)[:, 2:-2, 3:-3]
    np.testing.assert_array_equal(
        dense_crf(view_image, view, DEFAULT),
        dense_crf(np.ascontiguousarray(view_image), np.ascontiguousarray(view), DEFAULT),
    )


def test_float64_counts_like_float32():
    image, probabilities = scene(12, 12, labels=2, seed=4)
    np.testing.assert_allclose(
        dense_crf(image, probabilities.astype(np.float64), DEFAULT),
        dense_crf(image, probabilities, DEFAULT),
        atol=1e-4,
    )


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (5, 1), (2, 3), (31, 17)])
@pytest.mark.parametrize("labels", [1, 2, 4])
def test_small_and_odd_sizes(height: int, width: int, labels: int):
    image, probabilities = scene(height, width, labels, seed=5)
    marginals = dense_crf(image, probabilities, DEFAULT)
    assert marginals.shape == (labels, height, width)
    assert np.isfinite(marginals).all()
    np.testing.assert_allclose(marginals.sum(0), 1, atol=1e-5)


def test_one_label_is_certain():
    image, _ = scene(8, 8, labels=2, seed=6)
    np.testing.assert_array_equal(dense_crf(image, np.full((1, 8, 8), 0.3), DEFAULT), 1)
    hard = crf_from_labels(image, np.full((8, 8), 7, np.uint8), (7,), DEFAULT)
    np.testing.assert_array_equal(hard, 1)


def test_zero_and_one_stay_finite():
    image, _ = scene(12, 12, labels=2, seed=7)
    probabilities = np.zeros((3, 12, 12), np.float32)
    probabilities[0, :, :6] = 1
    probabilities[1, :, 6:] = 1
    marginals = dense_crf(image, probabilities, DEFAULT)
    assert np.isfinite(marginals).all()
    np.testing.assert_array_equal(marginals.argmax(0), probabilities.argmax(0))


def test_no_iterations_give_the_probabilities_back():
    image, probabilities = scene(8, 8, labels=3, seed=8)
    parameters = CrfParameters(
        bilateral_weight=10,
        bilateral_sxy=80,
        bilateral_srgb=13,
        gaussian_weight=3,
        gaussian_sxy=3,
        iterations=0,
    )
    np.testing.assert_allclose(
        dense_crf(image, probabilities, parameters), probabilities, atol=1e-5
    )


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("default", [10, 80, 13, 3, 3]),
        ("deeplab_v2", [4, 67, 3, 3, 1]),
        ("irn", [10, 50, 5, 3, 3]),
        ("toco", [4, 36, 3, 3, 3]),
        ("wecliplus", [4, 64, 5, 3, 3]),
        ("clims", [10, 80, 13, 3, 3]),
    ],
)
def test_published_parameters(name: str, published: list[float]):
    preset = CRF_PRESETS[name]
    assert [
        preset.bilateral_weight,
        preset.bilateral_sxy,
        preset.bilateral_srgb,
        preset.gaussian_weight,
        preset.gaussian_sxy,
    ] == published
    assert preset.iterations == 10
    assert preset.gt_prob == 0.7


@pytest.mark.parametrize(
    "change",
    [{"bilateral_srgb": 0}, {"gaussian_sxy": -1}, {"gaussian_weight": -1}, {"gt_prob": 1}],
)
def test_parameters_out_of_range(change: dict[str, Any]):
    settings: dict[str, Any] = {
        "bilateral_weight": 10,
        "bilateral_sxy": 80,
        "bilateral_srgb": 13,
        "gaussian_weight": 3,
        "gaussian_sxy": 3,
    }
    with pytest.raises(ValueError, match=next(iter(change))):
        CrfParameters(**(settings | change))


@pytest.mark.parametrize("classes", [(0, 12), (12, 0), (0, 3, 12)])
def test_labels_are_probabilities_in_disguise(classes: tuple[int, ...]):
    """Background keeps its own marginal, and 255 is a uniform unary."""
    image, _ = scene(16, 16, labels=2, seed=9)
    labels = np.where(np.arange(16) < 8, 0, 12).astype(np.uint8)
    labels = np.broadcast_to(labels, (16, 16)).copy()
    labels[:, 6:10] = 255
    rest = 0.3 / (len(classes) - 1)
    probabilities = np.stack([np.where(labels == c, 0.7, rest) for c in classes])
    probabilities[:, labels == 255] = 1 / len(classes)
    marginals = crf_from_labels(image, labels, classes, CRF_PRESETS["irn"])
    np.testing.assert_allclose(
        marginals, dense_crf(image, probabilities, CRF_PRESETS["irn"]), atol=1e-5
    )
    found = np.asarray(classes)[marginals.argmax(0)]
    assert (found[:, :8] == 0).all()
    assert (found[:, 8:] == 12).all()


def test_refusals():
    image, probabilities = scene(8, 8, labels=2, seed=10)
    with pytest.raises(ValueError, match="uint8"):
        dense_crf(image.astype(np.float32), probabilities, DEFAULT)
    with pytest.raises(ValueError, match=r"\(8, 8\).*\(4, 8\)"):
        dense_crf(image, probabilities[:, :4], DEFAULT)
    with pytest.raises(ValueError, match="NaN"):
        dense_crf(image, np.full_like(probabilities, np.nan), DEFAULT)
    with pytest.raises(ValueError, match="K >= 1"):
        dense_crf(image, probabilities[:0], DEFAULT)
    with pytest.raises(ValueError, match=r"labels hold \[5\]"):
        crf_from_labels(image, np.full((8, 8), 5, np.uint8), (0, 1), DEFAULT)
    with pytest.raises(ValueError, match="different pixel values"):
        crf_from_labels(image, np.zeros((8, 8), np.uint8), (0, 0), DEFAULT)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pydensecrf.densecrf", None)
    image, probabilities = scene(8, 8, labels=2, seed=11)
    with pytest.raises(ImportError, match=r"pip install pydensecrf2.*compiler"):
        dense_crf(image, probabilities, DEFAULT)
