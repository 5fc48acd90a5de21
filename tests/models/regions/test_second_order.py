"""Second-order pooling: the algebra, and its difference from averages."""

import numpy as np
import torch
from scipy.linalg import logm

from tag2mask.models.regions.second_order import RIDGE, second_order


def unpowered(vector: torch.Tensor) -> torch.Tensor:
    return vector.sign() * vector.abs() ** (4 / 3)


def test_against_the_logarithm_of_scipy():
    features = torch.rand(50, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gram = (features.T @ features / 50).numpy()
    logarithm = logm(gram + RIDGE * np.diag(gram).mean() * np.eye(5))
    found = unpowered(second_order(features)).numpy()
    upper = np.triu_indices(5)
    expected = logarithm[upper] * np.where(upper[0] == upper[1], 1, np.sqrt(2))
    np.testing.assert_allclose(found, expected, atol=1e-9)
    # So scaled, its length is that of the whole matrix.
    np.testing.assert_allclose(np.linalg.norm(found), np.linalg.norm(logarithm))


def test_one_place_is_enough():
    assert second_order(torch.ones(1, 4)).isfinite().all()
    assert second_order(torch.zeros(3, 4)).isfinite().all()


def textures(kind: int, count: int, generator: torch.Generator) -> torch.Tensor:
    """Regions of 40 places with channels of equal means, whose correlation says which."""
    noise = torch.randn(count, 40, 2, generator=generator)
    mixed = noise[..., 0] * 0.6 + noise[..., 1] * (0.8 if kind else -0.8)
    return 5 + torch.stack([noise[..., 0], mixed, noise[..., 1]], dim=-1)


def test_products_tell_textures_of_equal_means_apart():
    generator = torch.Generator().manual_seed(1)
    train, test = ([textures(kind, 60, generator) for kind in (0, 1)] for _ in range(2))

    def accuracy(describe) -> float:
        vectors = [torch.stack([describe(region) for region in kind]) for kind in train]
        x = torch.cat(vectors)
        x = torch.cat([x, torch.ones(len(x), 1)], dim=1)
        y = torch.cat([-torch.ones(60), torch.ones(60)])
        weights = torch.linalg.lstsq(x.T @ x + 1e-3 * torch.eye(x.shape[1]), x.T @ y).solution
        right = 0
        for sign, kind in ((-1, test[0]), (1, test[1])):
            found = torch.stack([describe(region) for region in kind])
            scores = torch.cat([found, torch.ones(60, 1)], dim=1) @ weights
            right += int((scores.sign() == sign).sum())
        return right / 120

    first, second = accuracy(lambda region: region.mean(dim=0)), accuracy(second_order)
    assert first < 0.7
    assert second > 0.95
