"""Conditioning augmentation (StackGAN: Zhang et al., ICCV 2017, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tag2mask.models.adversarial import SLOPE
from tag2mask.models.generation.conditions.base import (
    ConditionInputs,
    Mismatched,
    Reader,
    swap_vectors,
    vector_inputs,
)
from tag2mask.models.generation.conditions.tags import Tags
from tag2mask.models.system import Batch


class ConditioningAugmentation(Reader):
    """Draws the generator's vector from a Gaussian: mean + deviation * noise.

    A few conditions leave gaps between them, where a generator learns nothing. Draws around the
    conditions overlap.

    Args:
        classes: Number of tags C; the noise follows the tags in the inputs.
        vector: Length of the drawn vector, N_g of the paper.
    """

    def __init__(self, classes: int, vector: int) -> None:
        super().__init__(vector)
        self.classes = classes
        self.moments = nn.Sequential(nn.Linear(classes, 2 * vector), nn.LeakyReLU(SLOPE))

    def _moments(self, inputs: ConditionInputs) -> tuple[Tensor, Tensor]:
        mean, log_deviation = self.moments(inputs.vector[:, : self.classes]).chunk(2, dim=1)
        return mean, log_deviation

    def forward(self, inputs: ConditionInputs) -> ConditionInputs:
        """(N, C + V) tags and noise to (N, V)."""
        mean, log_deviation = self._moments(inputs)
        drawn = mean + log_deviation.exp() * inputs.vector[:, self.classes :]
        return inputs._replace(vector=drawn)

    def terms(self, inputs: ConditionInputs) -> dict[str, Tensor]:
        """KL(N(mean, deviation) || N(0, 1)) (equation 2), the mean over the numbers."""
        mean, log_deviation = self._moments(inputs)
        divergence = (mean.square() + (2 * log_deviation).exp() - 1) / 2 - log_deviation
        return {"divergence": divergence.mean()}


class Compression(Reader):
    """Tags to a vector of another length; the noise behind the tags is ignored.

    Args:
        classes: Number of tags C.
        vector: Length of the vector, N_d of the paper.
    """

    def __init__(self, classes: int, vector: int) -> None:
        super().__init__(vector)
        self.classes = classes
        self.compress = nn.Sequential(nn.Linear(classes, vector), nn.LeakyReLU(SLOPE))

    def forward(self, inputs: ConditionInputs) -> ConditionInputs:
        """(N, C + any) to (N, V)."""
        return inputs._replace(vector=self.compress(inputs.vector[:, : self.classes]))


class AugmentedTags(Tags):
    """Tags by conditioning augmentation, with mismatched pairs for the discriminator.

    Args:
        classes: Number of tags C.
        vector: Length of the vector that each network makes of the tags; 128 in the paper.
    """

    def __init__(self, classes: int, vector: int) -> None:
        super().__init__(classes)
        self.vector = vector

    def make_inputs(self, count: int, batch: Batch, rng: torch.Generator) -> ConditionInputs:
        """The tags and the noise of the augmentation (N, C + V)."""
        tags = batch["tags"].float()
        noise = torch.randn(count, self.vector, generator=rng, device=tags.device)
        return vector_inputs(torch.cat([tags, noise], dim=1))

    def draw_mismatched(self, inputs: ConditionInputs, rng: torch.Generator) -> Mismatched:
        """Other tags for the same image."""
        return swap_vectors(inputs._replace(vector=inputs.vector[:, : self.classes]), rng)

    def for_generator(self) -> Reader:
        """A reader that augments the tags."""
        return ConditioningAugmentation(self.classes, self.vector)

    def for_discriminator(self) -> Reader:
        """A reader that compresses the tags."""
        return Compression(self.classes, self.vector)
