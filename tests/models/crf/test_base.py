"""Properties of every DenseCRF: an exact mean field with dense kernels, pydensecrf's labels."""

import sys

import numpy as np
import pytest

from tag2mask.models.crf import CRF_PRESETS, CRFS, CrfParameters
from tests.models.crf.scenes import scene

DEFAULT = CRF_PRESETS["default"]

# The published weights drive small images to certainty, where a wrong weight hides; these
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
    color = image.reshape(-1, 3).astype(float)

    def normalized(features: np.ndarray) -> np.ndarray:
        distance = ((features[:, None] - features[None]) ** 2).sum(-1)
        kernel = np.exp(-distance / 2)
        scale = 1 / np.sqrt(kernel.sum(1))
        return scale[:, None] * kernel * scale[None]

    bilateral = np.concatenate(
        [place / parameters.bilateral_sxy, color / parameters.bilateral_srgb], axis=1
    )
    message = parameters.bilateral_weight * normalized(bilateral)
    message += parameters.gaussian_weight * normalized(place / parameters.gaussian_sxy)

    log_unary = np.log(np.clip(probabilities, 1e-5, 1)).reshape(labels, -1).astype(float)

    def softmax(values: np.ndarray) -> np.ndarray:
        values = np.exp(values - values.max(0))
        return values / values.sum(0)

    marginals = softmax(log_unary)
    for _ in range(parameters.iterations):
        # Potts: disagreement costs, so agreement pays, up to a constant per pixel.
        marginals = softmax(log_unary + marginals @ message)
    return marginals.reshape(labels, height, width)


@pytest.fixture(params=CRFS)
def member(request):
    if request.param == "pydensecrf":
        pytest.importorskip("pydensecrf.densecrf")
    return request.param


@pytest.fixture
def refine(member):
    """One image through the member."""
    return lambda image, probabilities, parameters=DEFAULT: CRFS[member](parameters)(
        [image], [probabilities]
    )[0]


@pytest.mark.parametrize("name", sorted(PARAMETERS))
@pytest.mark.parametrize(("height", "width", "labels"), [(16, 16, 2), (13, 17, 3), (1, 24, 2)])
def test_agrees_with_exact_mean_field(member, refine, name, height, width, labels):
    image, probabilities = scene(height, width, labels, seed=labels)
    marginals = refine(image, probabilities, PARAMETERS[name])
    exact = exact_mean_field(image, probabilities, PARAMETERS[name])
    assert marginals.shape == probabilities.shape
    assert marginals.dtype == np.float32
    np.testing.assert_allclose(marginals.sum(0), 1, atol=1e-5)
    assert (marginals.argmax(0) == exact.argmax(0)).mean() >= 0.99
    # The permutohedral lattice approximates the Gaussians; the other members take two steps at
    # a time as well, which shows at pixels that are about to turn.
    assert np.abs(marginals - exact).max() < (0.02 if member == "pydensecrf" else 0.1)
    assert np.abs(marginals - exact).mean() < 0.005


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_agrees_on_many_labels(refine, name):
    image, probabilities = scene(16, 16, labels=5, seed=5)
    marginals = refine(image, probabilities, PARAMETERS[name])
    exact = exact_mean_field(image, probabilities, PARAMETERS[name])
    # A pixel that is nearly tied between two labels may tip over on the lattice's error alone.
    assert (marginals.argmax(0) == exact.argmax(0)).mean() >= 0.98
    assert np.abs(marginals - exact).mean() < 0.01


@pytest.mark.parametrize("name", sorted(CRF_PRESETS))
@pytest.mark.parametrize("labels", [2, 4])
def test_agrees_with_pydensecrf(member, name, labels):
    """On an image large enough for the lattice to have many simplices in every direction."""
    pytest.importorskip("pydensecrf.densecrf")
    image, probabilities = scene(96, 120, labels, seed=labels)
    ours, theirs = (
        CRFS[which](CRF_PRESETS[name])([image], [probabilities])[0]
        for which in (member, "pydensecrf")
    )
    assert (ours.argmax(0) == theirs.argmax(0)).mean() >= 0.99
    assert np.abs(ours - theirs).mean() < 0.01


def test_refines_noise_along_the_edges(refine):
    image, probabilities = scene(24, 24, labels=2, seed=0)
    ground_truth = np.broadcast_to(np.arange(24) >= 12, (24, 24))
    before = (probabilities.argmax(0) == ground_truth).mean()
    after = (refine(image, probabilities).argmax(0) == ground_truth).mean()
    assert before < 0.95
    assert after == 1


def test_repeats_bit_for_bit(refine):
    image, probabilities = scene(31, 45, labels=3, seed=1)
    first = refine(image, probabilities)
    assert all(np.array_equal(first, refine(image, probabilities)) for _ in range(3))


def test_a_image_does_not_depend_on_the_others(member):
    """Other sizes and other numbers of labels share the call."""
    crf = CRFS[member](DEFAULT)
    sizes = [(31, 45, 3), (20, 50, 2), (40, 9, 1), (31, 45, 5)]
    scenes = [scene(*size, seed=seed) for seed, size in enumerate(sizes)]
    together = crf([image for image, _ in scenes], [maps for _, maps in scenes])
    for (image, maps), found in zip(scenes, together, strict=True):
        np.testing.assert_array_equal(found, crf([image], [maps])[0])


def test_no_images(member):
    assert CRFS[member](DEFAULT)([], []) == []


def test_does_not_change_its_input(refine):
    image, probabilities = scene(9, 9, labels=2, seed=2)
    before = image.copy(), probabilities.copy()
    refine(image, probabilities)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(probabilities, before[1])


def test_views_count_like_copies(refine):
    image, probabilities = scene(20, 30, labels=3, seed=3)
    view_image = np.asfortranarray(image)[2:-2, 3:-3]
    view = np.moveaxis(np.moveaxis(probabilities, 0, 2).copy(), 2, 0)[:, 2:-2, 3:-3]
    np.testing.assert_array_equal(
        refine(view_image, view),
        refine(np.ascontiguousarray(view_image), np.ascontiguousarray(view)),
    )


def test_float64_counts_like_float32(refine):
    image, probabilities = scene(12, 12, labels=2, seed=4)
    np.testing.assert_allclose(
        refine(image, probabilities.astype(np.float64)), refine(image, probabilities), atol=1e-4
    )


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (5, 1), (2, 3), (31, 17)])
@pytest.mark.parametrize("labels", [1, 2, 4])
def test_small_and_odd_sizes(refine, height, width, labels):
    image, probabilities = scene(height, width, labels, seed=5)
    marginals = refine(image, probabilities)
    assert marginals.shape == (labels, height, width)
    assert np.isfinite(marginals).all()
    np.testing.assert_allclose(marginals.sum(0), 1, atol=1e-5)


def test_a_image_of_noise(refine):
    """Every pixel is alone in its corner of the colors: more corners than pixels."""
    image = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    _, probabilities = scene(24, 24, labels=2, seed=12)
    exact = exact_mean_field(image, probabilities, CRF_PRESETS["toco"])
    found = refine(image, probabilities, CRF_PRESETS["toco"])
    assert (found.argmax(0) == exact.argmax(0)).mean() >= 0.99


def test_one_label_is_certain(refine):
    image, _ = scene(8, 8, labels=2, seed=6)
    np.testing.assert_array_equal(refine(image, np.full((1, 8, 8), 0.3)), 1)


def test_zero_and_one_stay_finite(refine):
    image, _ = scene(12, 12, labels=2, seed=7)
    probabilities = np.zeros((3, 12, 12), np.float32)
    probabilities[0, :, :6] = 1
    probabilities[1, :, 6:] = 1
    marginals = refine(image, probabilities)
    assert np.isfinite(marginals).all()
    np.testing.assert_array_equal(marginals.argmax(0), probabilities.argmax(0))


def test_no_iterations_give_the_probabilities_back(refine):
    image, probabilities = scene(8, 8, labels=3, seed=8)
    parameters = CrfParameters(
        bilateral_weight=10,
        bilateral_sxy=80,
        bilateral_srgb=13,
        gaussian_weight=3,
        gaussian_sxy=3,
        iterations=0,
    )
    np.testing.assert_allclose(refine(image, probabilities, parameters), probabilities, atol=1e-5)


def test_refusals(refine):
    image, probabilities = scene(8, 8, labels=2, seed=10)
    with pytest.raises(ValueError, match="uint8"):
        refine(image.astype(np.float32), probabilities)
    with pytest.raises(ValueError, match=r"\(8, 8\).*\(4, 8\)"):
        refine(image, probabilities[:, :4])
    with pytest.raises(ValueError, match="NaN"):
        refine(image, np.full_like(probabilities, np.nan))
    with pytest.raises(ValueError, match="K >= 1"):
        refine(image, probabilities[:0])


@pytest.mark.parametrize(
    ("name", "module", "advice"),
    [
        ("pydensecrf", "pydensecrf.densecrf", r"pip install 'tag2mask\[pydensecrf\]'.*compiler"),
        ("numba", "tag2mask.models.crf.compiled", r"pip install 'tag2mask\[label\]'"),
    ],
)
def test_a_missing_library_is_named(monkeypatch, name, module, advice):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=advice):
        CRFS[name](DEFAULT)
