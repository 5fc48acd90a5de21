"""A latent code that is recovered from images (InfoGAN: Chen et al., NIPS 2016)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from tag2mask.models.adversarial import SLOPE
from tag2mask.models.generation.conditions.base import (
    Condition,
    ConditionInputs,
    Reader,
    vector_inputs,
)
from tag2mask.models.system import Batch

HIDDEN = 128
CATEGORICAL, CONTINUOUS = 1.0, 0.1  # weights of the mutual information
SURE = math.log(0.05)  # with a smaller deviation one number would outweigh all images


class Posterior(NamedTuple):
    """The distribution of a code given an image, Q(c | x).

    Attributes:
        logits: (N, K), of the categories.
        mean: (N, M), of the continuous codes.
        log_deviation: (N, M), of the continuous codes.
    """

    logits: Tensor
    mean: Tensor
    log_deviation: Tensor


class Code(Condition):
    """A random code for the generator, which a head on the discriminator recovers.

    Both networks maximize a lower bound of the mutual information between code and image
    (equation 5). The entropy of the code is constant.

    Args:
        categories: Number K of values of the categorical code.
        continuous: Number M of codes that are uniform in [-1, 1].
        features: Number of values of the discriminator's features.
    """

    def __init__(self, categories: int, continuous: int, features: int) -> None:
        super().__init__()
        self.categories, self.continuous = categories, continuous
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(features, HIDDEN),
            nn.BatchNorm1d(HIDDEN),
            nn.LeakyReLU(SLOPE),
            nn.Linear(HIDDEN, categories + 2 * continuous),
        )

    def make_inputs(self, count: int, batch: Batch, rng: torch.Generator) -> ConditionInputs:
        """Random codes (N, K + M)."""
        device = rng.device
        chosen = torch.randint(self.categories, (count,), generator=rng, device=device)
        uniform = torch.rand(count, self.continuous, generator=rng, device=device)
        return vector_inputs(
            torch.cat([one_hot(chosen, self.categories).float(), 2 * uniform - 1], 1)
        )

    def for_generator(self) -> Reader:
        """The code as it is; the discriminator does not get it."""
        return Reader(self.categories + self.continuous)

    def posterior(self, features: Tensor) -> Posterior:
        """Q(c | x) from the discriminator's features (N, C, ...)."""
        sizes = [self.categories, self.continuous, self.continuous]
        logits, mean, log_deviation = self.head(features).split(sizes, dim=1)
        return Posterior(logits, mean, log_deviation.clamp(min=SURE))

    def terms(self, features: Tensor, inputs: ConditionInputs) -> dict[str, Tensor]:
        """-log Q(c | x) of the two kinds of code, up to constants."""
        posterior = self.posterior(features)
        category, number = inputs.vector.split([self.categories, self.continuous], dim=1)
        terms = {"category": CATEGORICAL * cross_entropy(posterior.logits, category)}
        if self.continuous:
            error = (number - posterior.mean) / posterior.log_deviation.exp()
            surprise = error.square() / 2 + posterior.log_deviation
            terms["continuous"] = CONTINUOUS * surprise.sum(dim=1).mean()
        return terms
