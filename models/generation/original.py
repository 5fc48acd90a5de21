"""The first GAN (Goodfellow et al., "Generative adversarial nets", NIPS 2014): no convolutions."""

from __future__ import annotations

from pydantic import Field
from torch import Tensor, nn

from tag2mask.models.generation.conditions.base import IgnoreCondition
from tag2mask.models.generation.conditions.unconditional import Unconditional
from tag2mask.models.generation.gan import Gan, GanSettings
from tag2mask.models.generation.networks import Discriminator, Generator

PIECES = 5  # linear pieces of a maxout unit


class OriginalSettings(GanSettings):
    """Settings of the fully connected GAN."""

    hidden: int = Field(512, ge=1, description="Units of each hidden layer.")


class _Rectified(nn.Module):
    """A vector to an image by two rectified layers."""

    def __init__(self, inputs: int, hidden: int, size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 3 * size * size),
            nn.Unflatten(1, (3, size, size)),
        )

    def forward(self, vector: Tensor, planes: Tensor) -> Tensor:
        return self.layers(vector)


class _Maxout(nn.Module):
    """An image to features by two layers of maxout units, each the largest of linear ones."""

    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Linear(number, hidden * PIECES) for number in (inputs, hidden)
        )

    def forward(self, x: Tensor, vector: Tensor) -> Tensor:
        x = x.flatten(1)
        for layer in self.layers:
            x = layer(x).unflatten(1, (-1, PIECES)).amax(dim=2)
        return x


class OriginalGan(Gan):
    """Makes images from noise by rectified layers, with a discriminator of maxout layers.

    The paper's dropout in the discriminator is left out. Smoothed labels do its work, and a step
    stays a function of its random generator.
    """

    settings_type = OriginalSettings

    def __init__(self, settings: OriginalSettings) -> None:
        generator = _Rectified(settings.latent, settings.hidden, settings.size)
        body = _Maxout(3 * settings.size**2, settings.hidden)
        super().__init__(
            settings,
            Generator(IgnoreCondition(), generator, nn.Tanh()),
            Discriminator(IgnoreCondition(), body, settings.hidden),
            Unconditional(),
        )
