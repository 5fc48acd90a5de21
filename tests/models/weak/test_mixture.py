"""Mixtures of Gaussians against scikit-learn's, and weights against repetition."""

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from tag2mask.models.weak.mixture import Mixture, fit_mixture

RNG = np.random.default_rng(0)
CENTERS = np.array([[0, 0], [8, 0], [0, 9]])
POINTS = np.concatenate([center + RNG.normal(0, 1, (150, 2)) * (1, 0.4) for center in CENTERS])
EVEN = np.ones(len(POINTS))


@pytest.fixture(scope="module")
def mixture():
    return fit_mixture(POINTS, EVEN, 3, np.random.default_rng(1))


def test_densities_are_those_of_scikit_learn(mixture):
    theirs = GaussianMixture(3)
    theirs.weights_, theirs.means_, theirs.covariances_ = mixture
    theirs.precisions_cholesky_ = np.linalg.cholesky(np.linalg.inv(mixture.covariances))
    np.testing.assert_allclose(mixture.log_density(POINTS), theirs.score_samples(POINTS))
    np.testing.assert_allclose(
        mixture.responsibilities(POINTS), theirs.predict_proba(POINTS), atol=1e-9
    )


def test_the_fit_is_as_good_as_theirs(mixture):
    theirs = GaussianMixture(3, n_init=3, random_state=0).fit(POINTS)
    assert mixture.log_density(POINTS).mean() > theirs.score(POINTS) - 0.01
    nearest = np.linalg.norm(mixture.means[:, None] - CENTERS, axis=2).min(axis=0)
    assert nearest.max() < 0.3
    np.testing.assert_allclose(mixture.shares, 1 / 3, atol=0.01)


def test_a_point_that_weighs_nothing_is_not_there():
    weights = EVEN.copy()
    weights[300:] = 0
    found = fit_mixture(POINTS, weights, 2, np.random.default_rng(2))
    assert found.means[:, 1].max() < 1


def test_points_on_a_line_are_no_trouble():
    flat = np.stack([np.linspace(0, 1, 40), np.zeros(40)], axis=1)
    found = fit_mixture(flat, np.ones(40), 4, np.random.default_rng(0))
    assert isinstance(found, Mixture)
    assert np.isfinite(found.log_density(flat)).all()
