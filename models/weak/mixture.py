"""Mixtures of Gaussians with full covariances, fitted by weighted EM (Dempster et al., 1977)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

STEPS = 20
RIDGE = 1e-3  # added to a covariance, relative to that of all points, against single points
SEEDING = 8  # steps of k-means before the first covariances


class Mixture(NamedTuple):
    """A mixture of M Gaussians in D dimensions.

    Attributes:
        shares: (M,) summing to one.
        means: (M, D).
        covariances: (M, D, D).
    """

    shares: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """(N, D) to (N,) natural logarithms."""
        return logsumexp(self._joint(points), axis=1)

    def responsibilities(self, points: np.ndarray) -> np.ndarray:
        """The probability of each component for each point, (N, D) to (N, M); rows sum to one."""
        joint = self._joint(points)
        return np.exp(joint - logsumexp(joint, axis=1, keepdims=True))

    def _joint(self, points: np.ndarray) -> np.ndarray:
        dimensions = points.shape[1]
        found = np.empty((len(points), len(self.shares)))
        for index, (share, mean, covariance) in enumerate(zip(*self, strict=True)):
            root = np.linalg.cholesky(covariance)
            away = np.linalg.solve(root, (points - mean).T)
            volume = 2 * np.log(root.diagonal()).sum() + dimensions * np.log(2 * np.pi)
            found[:, index] = np.log(share) - (np.square(away).sum(axis=0) + volume) / 2
        return found


def fit_mixture(
    points: np.ndarray, weights: np.ndarray, components: int, rng: np.random.Generator
) -> Mixture:
    """Fits a mixture to weighted points.

    Args:
        points: (N, D), N at least the number of components.
        weights: (N,) not negative, some positive.
        components: M.
        rng: Chooses the first means, by k-means++ (Arthur & Vassilvitskii, 2007).
    """
    ridge = RIDGE * np.diag(np.cov(points.T, aweights=weights).reshape(points.shape[1], -1))
    floor = np.diag(np.maximum(ridge, 1e-9))
    mixture = _updated(points, weights, _clusters(points, weights, components, rng), floor)
    for _ in range(STEPS):
        mixture = _updated(points, weights, mixture.responsibilities(points), floor)
    return mixture


def _updated(
    points: np.ndarray, weights: np.ndarray, members: np.ndarray, floor: np.ndarray
) -> Mixture:
    """The M-step: shares, means and covariances of (N, M) memberships."""
    mass = members * weights[:, None]
    totals = np.maximum(mass.sum(axis=0), 1e-9)
    means = mass.T @ points / totals[:, None]
    covariances = np.empty((len(totals), *floor.shape))
    for index, mean in enumerate(means):
        away = points - mean
        covariances[index] = (mass[:, index, None] * away).T @ away / totals[index] + floor
    return Mixture(totals / totals.sum(), means, covariances)


def _clusters(
    points: np.ndarray, weights: np.ndarray, components: int, rng: np.random.Generator
) -> np.ndarray:
    """(N, M) hard memberships by k-means."""
    first = rng.choice(len(points), p=weights / weights.sum())
    centers = points[[first]]
    for _ in range(components - 1):
        nearest = _squares(points, centers).min(axis=1) * weights + 1e-12
        centers = np.append(
            centers, points[[rng.choice(len(points), p=nearest / nearest.sum())]], 0
        )
    for _ in range(SEEDING):
        members = np.eye(components)[_squares(points, centers).argmin(axis=1)]
        mass = members * weights[:, None]
        totals = mass.sum(axis=0)
        moved = mass.T @ points / np.maximum(totals, 1e-9)[:, None]
        centers = np.where(totals[:, None] > 0, moved, centers)
    return members


def _squares(points: np.ndarray, centers: np.ndarray) -> np.ndarray:
    return np.square(points[:, None] - centers[None]).sum(axis=2)
