"""The permutohedral lattice, compiled and in PyTorch: one against the other and by its sums."""

import numpy as np
import pytest
import torch

from tag2mask.models.crf.batched import BatchedGaussian, BatchedLattice
from tag2mask.models.crf.compiled import Gaussian
from tag2mask.models.crf.lattice import Lattice


def noisy(height, width, seed=0, spread=40):
    random = np.random.default_rng(seed)
    slope = np.linspace(0, 200, width)[None, :, None] + random.normal(0, spread, (height, width, 3))
    return np.clip(slope, 0, 255).astype(np.uint8)


def values(channels, height, width):
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("sxy", "srgb"), [(50, 5), (5, 13), (2, 100), (0.5, 0.5)])
def test_both_are_the_same_filter(sxy, srgb):
    image, signal = noisy(23, 31), values(3, 23, 31)
    tensor = torch.from_numpy(image).permute(2, 0, 1).float()[None]
    torch.testing.assert_close(
        Lattice(image, sxy, srgb)(signal),
        BatchedLattice(tensor, sxy, srgb)(signal),
        rtol=1e-4,
        atol=1e-6,
    )


def test_it_is_a_gaussian_of_the_features():
    """Normalized by its own sums it gives weighted means close to those of the dense kernel."""
    image, signal = noisy(20, 20, spread=15), values(1, 20, 20)
    y, x = np.mgrid[:20, :20].reshape(2, -1) / 6
    features = np.column_stack([x, y, image.reshape(-1, 3) / 30])
    kernel = np.exp(-((features[:, None] - features[None]) ** 2).sum(-1) / 2)
    expected = (kernel @ signal.numpy().ravel()) / kernel.sum(1)
    lattice = Lattice(image, 6, 30)
    found = (lattice(signal) / lattice(torch.ones_like(signal))).numpy().ravel()
    assert np.abs(found - expected).max() < 0.05
    assert np.corrcoef(found, expected)[0, 1] > 0.98


@pytest.mark.parametrize("sxy", [0.25, 1, 3])
def test_gaussians(sxy):
    signal = values(2, 17, 26)
    places = [np.arange(extent) for extent in (17, 26)]
    rows, columns = (np.exp(-((p[:, None] - p) ** 2) / 2 / sxy**2) for p in places)
    expected = torch.from_numpy(rows @ signal.double().numpy() @ columns).float()
    for smooth in (Gaussian(sxy), BatchedGaussian(sxy)):
        # Cut off at three widths.
        torch.testing.assert_close(smooth(signal), expected, rtol=0.02, atol=0.02)
    torch.testing.assert_close(Gaussian(sxy)(signal), BatchedGaussian(sxy)(signal))
