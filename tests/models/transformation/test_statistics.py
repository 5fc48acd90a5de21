"""Distances of styles against their definitions, and against each other."""

import pytest
import torch

from tag2mask.models.transformation.statistics import (
    STYLE_DISTANCES,
    adain,
    batch_norm_distance,
    gram,
    gram_distance,
    linear_mmd_distance,
    moments,
    polynomial_mmd_distance,
)


def features(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_gram_is_the_mean_outer_product():
    x = features(2, 3, 4, 5)
    outer = [x[1, :, i, j].outer(x[1, :, i, j]) for i in range(4) for j in range(5)]
    torch.testing.assert_close(gram(x)[1], torch.stack(outer).mean(dim=0))


def test_gatys_equation_4():
    x, y = features(1, 6, 5, 7), features(1, 6, 5, 7, seed=1)
    f, p = x.flatten(2)[0], y.flatten(2)[0]
    channels, places = 6, 35
    expected = ((f @ f.T - p @ p.T) ** 2).sum() / (4 * channels**2 * places**2)
    torch.testing.assert_close(gram_distance(x, y)[0], expected)


def test_gram_distance_is_a_discrepancy():
    """Li et al. (2017), equation 8, also for two different numbers of places."""
    x, y = features(3, 8, 6, 9), 1.5 * features(3, 8, 7, 4, seed=1) + 0.5
    torch.testing.assert_close(
        gram_distance(x, y), polynomial_mmd_distance(x, y), rtol=1e-5, atol=0
    )


def test_linear_discrepancy_is_that_of_the_inner_product():
    x, y = features(2, 4, 3, 3), features(2, 4, 5, 2, seed=1)
    first, second = x.flatten(2), y.flatten(2)
    pairs = [
        torch.stack([(a[n].T @ b[n]).mean() for n in range(2)])
        for a, b in ((first, first), (second, second), (first, second))
    ]
    expected = (pairs[0] + pairs[1] - 2 * pairs[2]) / 4
    torch.testing.assert_close(linear_mmd_distance(x, y), expected)


def test_batch_norm_distance_is_that_of_the_moments():
    x, y = features(2, 4, 6, 6), features(2, 4, 3, 8, seed=1)
    (mean, deviation), (other_mean, other_deviation) = moments(x), moments(y)
    expected = (mean - other_mean) ** 2 + (deviation - other_deviation) ** 2
    torch.testing.assert_close(batch_norm_distance(x, y), expected.mean(dim=(1, 2, 3)))


@pytest.mark.parametrize("name", STYLE_DISTANCES)
class TestEveryDistance:
    def test_ignores_places(self, name):
        x, y = features(2, 5, 6, 6), features(2, 5, 4, 9, seed=1)
        moved = x.flatten(2)[..., torch.randperm(36)].view_as(x)
        distance = STYLE_DISTANCES[name]
        torch.testing.assert_close(distance(moved, y), distance(x, y))
        torch.testing.assert_close(distance(moved, x), torch.zeros(2, dtype=x.dtype))
        assert (distance(x, y) > 0).all()

    def test_gradient_of_a_dead_channel(self, name):
        x = torch.zeros(1, 3, 4, 4, requires_grad=True)
        STYLE_DISTANCES[name](x, torch.ones(1, 3, 4, 4)).sum().backward()
        assert x.grad is not None
        assert x.grad.isfinite().all()


def test_adain_takes_the_moments_of_the_style():
    content, style = features(2, 6, 8, 8), 3 * features(2, 6, 5, 9, seed=1) - 2
    made = adain(content, style)
    for ours, theirs in zip(moments(made), moments(style), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(adain(content, content), content)
    places = made.flatten(2), content.flatten(2)
    for one, other in zip(*(p[0] for p in places), strict=True):
        assert torch.corrcoef(torch.stack([one, other]))[0, 1] > 0.999
