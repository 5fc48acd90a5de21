"""Conditioning augmentation (StackGAN: Zhang et al., ICCV 2017, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tag2mask.models.adversarial import SLOPE
from tag2mask.models.generation.conditions.base import Facts, Reader, Wrong, mismatched, said
from tag2mask.models.generation.conditions.tags import Tags
from tag2mask.models.system import Batch


class Augmentation(Reader):
    """Draws what a generator is told from a Gaussian: mean + deviation * noise.

    Few conditions leave gaps between them, over which a generator learns nothing; drawn
    around each they overlap.

    Args:
        classes: Number of tags C; the noise follows them in the facts.
        vector: Numbers that are drawn, N_g of the paper.
    """

    def __init__(self, classes: int, vector: int) -> None:
        super().__init__(vector)
        self.classes = classes
        self.moments = nn.Sequential(nn.Linear(classes, 2 * vector), nn.LeakyReLU(SLOPE))

    def _moments(self, facts: Facts) -> tuple[Tensor, Tensor]:
        mean, log_deviation = self.moments(facts.vector[:, : self.classes]).chunk(2, dim=1)
        return mean, log_deviation

    def forward(self, facts: Facts) -> Facts:
        """(N, C + V) tags and noise to (N, V)."""
        mean, log_deviation = self._moments(facts)
        drawn = mean + log_deviation.exp() * facts.vector[:, self.classes :]
        return facts._replace(vector=drawn)

    def terms(self, facts: Facts) -> dict[str, Tensor]:
        """KL(N(mean, deviation) || N(0, 1)) (equation 2), the mean over the numbers."""
        mean, log_deviation = self._moments(facts)
        divergence = (mean.square() + (2 * log_deviation).exp() - 1) / 2 - log_deviation
        return {"divergence": divergence.mean()}


class Compression(Reader):
    """Tags to fewer or more numbers; the noise behind them is left out.

    Args:
        classes: Number of tags C.
        vector: Numbers that are made of them, N_d of the paper.
    """

    def __init__(self, classes: int, vector: int) -> None:
        super().__init__(vector)
        self.classes = classes
        self.compress = nn.Sequential(nn.Linear(classes, vector), nn.LeakyReLU(SLOPE))

    def forward(self, facts: Facts) -> Facts:
        """(N, C + any) to (N, V)."""
        return facts._replace(vector=self.compress(facts.vector[:, : self.classes]))


class AugmentedTags(Tags):
    """Tags by conditioning augmentation, with wrong pairs for the discriminator.

    Args:
        classes: Number of tags C.
        vector: Numbers that each network makes of them; 128 in the paper.
    """

    def __init__(self, classes: int, vector: int) -> None:
        super().__init__(classes)
        self.vector = vector

    def facts(self, count: int, batch: Batch, rng: torch.Generator) -> Facts:
        """The tags and the noise of the augmentation (N, C + V)."""
        tags = batch["tags"].float()
        noise = torch.randn(count, self.vector, generator=rng, device=tags.device)
        return said(torch.cat([tags, noise], dim=1))

    def wrong(self, facts: Facts, rng: torch.Generator) -> Wrong:
        """Other tags for the same image."""
        return mismatched(facts._replace(vector=facts.vector[:, : self.classes]), rng)

    def for_generator(self) -> Reader:
        """Augmented."""
        return Augmentation(self.classes, self.vector)

    def for_discriminator(self) -> Reader:
        """Compressed."""
        return Compression(self.classes, self.vector)
